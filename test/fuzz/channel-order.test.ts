import * as fc from 'fast-check';
import { describe, expect } from 'vitest';
import { DIRECTIONS } from '../../shared/channels/message.ts';
import { ChatSimulation, type Course } from '../support/chat-simulation.ts';
import { ANSWER_LOST, ARRIVES, type Fate, HANGS, NOT_NOW, REFUSED } from '../support/chat-world.ts';
import { holds } from '../support/fuzz.ts';

const CONTACTS = ['+15551234567', '+447700900123', 'joe'];
const SLOW: Fate = { ...ARRIVES, takesMs: 9_000 };
const SLOW_AND_LOST: Fate = { ...ANSWER_LOST, takesMs: 10_000 };
const ASKS_FOR_AN_HOUR: Fate = {
  arrives: false,
  says: { kind: 'not_applied', detail: 'HTTP 429', retryAfterMs: 3_600_000 },
};

const FATES = [ARRIVES, NOT_NOW, ANSWER_LOST, HANGS, REFUSED, SLOW, SLOW_AND_LOST, ASKS_FOR_AN_HOUR];

/** Who says what; what becomes of its parts; and what happens meanwhile. */
const aCourse: fc.Arbitrary<Course> = fc
  .array(
    fc.record({
      contact: fc.constantFrom(...CONTACTS),
      parts: fc.constantFrom(1, 1, 2, 3),
      fates: fc
        .array(fc.constantFrom(...FATES), { maxLength: 2 })
        // Who has it does not say later that it was refused.
        .filter(([first, second]) => !(first?.arrives && second === REFUSED)),
    }),
    { minLength: 1, maxLength: 7 },
  )
  .chain((texts) =>
    fc.record({
      says: fc.constant(texts.map(({ contact }, index) => ({ contact, text: `t${index}` }))),
      repeats: fc.boolean(),
      options: fc.record({
        direction: fc.constantFrom(...DIRECTIONS),
        unknown: fc.constantFrom('park' as const, 'repeat' as const),
        parts: fc.constant(Object.fromEntries(texts.map(({ parts }, index) => [`t${index}`, parts]))),
        // The first part meets them.
        fates: fc.constant(
          Object.fromEntries(
            texts.map(({ parts, fates }, index) => [parts === 1 ? `t${index}` : `t${index}/1`, fates]),
          ),
        ),
      }),
      chances: fc.array(fc.nat(9_999), { maxLength: 600, size: 'max' }),
    }),
  )
  // The platform takes in what came from a chat once.
  .map((course) => ({
    ...course,
    options:
      course.options.direction === 'incoming'
        ? { ...course.options, unknown: 'repeat' as const }
        : course.options,
  }));

const partsOf = ({ options: { parts = {} } }: Course, text: string): string[] => {
  const count = parts[text] ?? 1;
  return count === 1 ? [text] : Array.from({ length: count }, (_, part) => `${text}/${part + 1}`);
};

/** What must be true once all is at rest. */
async function expectAllWell({ world, course, answered, replayed }: ChatSimulation): Promise<void> {
  const { says, repeats, options } = course;
  const rows = new Map(
    (
      await Promise.all(
        says.map(async ({ text }) => [text, await world.messages.read(world.idOf(text))] as const),
      )
    ).flatMap(([text, row]) => (row === undefined ? [] : [[text, row] as const])),
  );
  const textsOf = (status: string) =>
    [...rows].filter(([, row]) => row.status === status).map(([text]) => text);
  const arrived = world.arrived.map(({ what }) => what);

  // Nothing is lost: what was answered is stored, and all that is stored has come to an end.
  expect([...rows.keys()], 'stored').toEqual(expect.arrayContaining(answered));
  if (repeats) expect(answered.toSorted(), 'answered').toEqual(says.map(({ text }) => text).toSorted());
  const ended = [...textsOf('delivered'), ...textsOf('failed'), ...textsOf('parked')];
  expect(ended.toSorted(), 'ended').toEqual([...rows.keys()].toSorted());
  expect(world.fifo.bodies(), 'in the queue').toEqual([]);
  // What is said to be delivered is there, and what is said to have failed is not there whole.
  expect(arrived, 'arrived').toEqual(
    expect.arrayContaining(textsOf('delivered').flatMap((text) => partsOf(course, text))),
  );
  for (const text of textsOf('failed'))
    expect(
      partsOf(course, text).every((part) => arrived.includes(part)),
      `${text} failed and is there`,
    ).toBe(false);
  // Nothing comes twice, where the receiver dedupes or a person is asked: nobody is asked where it dedupes.
  expect(arrived.toSorted(), 'once').toEqual([...new Set(arrived)].toSorted());
  if (options.unknown === 'repeat') expect(textsOf('parked'), 'parked').toEqual([]);
  // Each contact's came in the order in which they were answered; what a person sent again comes later.
  for (const contact of CONTACTS) {
    const order = answered.filter((text) => !replayed.has(text)).flatMap((text) => partsOf(course, text));
    const came = world.arrived
      .filter((event) => event.contact === contact && order.includes(event.what))
      .map(({ what }) => what);
    expect(came, `order of ${contact}`).toEqual(came.toSorted((a, b) => order.indexOf(a) - order.indexOf(b)));
  }
  // A person hears of every bad end, and what failed is among the dead letters.
  const told = world.lines().filter(({ level }) => level === 'alert');
  for (const [status, word] of [
    ['failed', 'message_failed'],
    ['parked', 'message_parked'],
  ] as const) {
    const ids = told.filter(({ message }) => message === word).map(({ id }) => id);
    expect(ids, `told of ${status}`).toEqual(expect.arrayContaining(textsOf(status).map(world.idOf)));
  }
  expect(world.dead, 'dead letters').toEqual(
    expect.arrayContaining(textsOf('failed').map((text) => JSON.stringify({ message: world.idOf(text) }))),
  );
}

describe('messages through the real handlers, over a queue that keeps order, with many faults at once', () => {
  holds(
    'are none of them lost, none twice, none overtaken; and a person hears of every bad end',
    aCourse,
    async (course) => {
      const simulation = new ChatSimulation(course);
      try {
        await simulation.toRest();
        await expectAllWell(simulation);
      } catch (error) {
        const said = error instanceof Error ? error.message : String(error);
        throw new Error(`${said}\n${simulation.story.slice(0, 120).join('\n')}`, { cause: error });
      }
    },
    { runs: 120 },
  );
});
