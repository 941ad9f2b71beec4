import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { DIRECTIONS } from '../../shared/channels/message.ts';
import type { ChatSimulation, Course } from './chat-simulation.ts';
import { ANSWER_LOST, ARRIVES, type Fate, HANGS, NOT_NOW, REFUSED } from './chat-world.ts';

const CONTACTS = ['+15551234567', '+447700900123', 'joe'];
const SLOW: Fate = { ...ARRIVES, takesMs: 9_000 };
const SLOW_AND_LOST: Fate = { ...ANSWER_LOST, takesMs: 10_000 };
const ASKS_FOR_AN_HOUR: Fate = {
  arrives: false,
  says: { kind: 'not_applied', detail: 'HTTP 429', retryAfterMs: 3_600_000 },
};

const FATES = [ARRIVES, NOT_NOW, ANSWER_LOST, HANGS, REFUSED, SLOW, SLOW_AND_LOST, ASKS_FOR_AN_HOUR];

/** Who says what; what becomes of its parts; and what happens meanwhile. */
export const aCourse: fc.Arbitrary<Course> = fc
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
      unlucky: fc.constantFrom(60, 120, 300),
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

/** @throws an AssertionError that names what is missing. */
function hasAll(all: readonly string[], wanted: readonly string[], what: string): void {
  const missing = wanted.filter((one) => !all.includes(one));
  assert.deepEqual(missing, [], `${what}: missing`);
}

/**
 * Lives a course to its rest, and checks what must be true then.
 *
 * @throws an Error that says what is not, and what happened.
 */
export async function live(course: Course, Simulation: typeof ChatSimulation): Promise<void> {
  const simulation = new Simulation(course);
  try {
    await simulation.toRest();
    await checkAllWell(simulation);
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    throw new Error(`${said}\n${simulation.story.slice(0, 120).join('\n')}`, { cause: error });
  }
}

async function checkAllWell({ world, course, answered, replayed, heard }: ChatSimulation): Promise<void> {
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
  hasAll([...rows.keys()], answered, 'stored');
  if (repeats) assert.deepEqual(answered.toSorted(), says.map(({ text }) => text).toSorted(), 'answered');
  const ended = [...textsOf('delivered'), ...textsOf('failed'), ...textsOf('parked')];
  assert.deepEqual(ended.toSorted(), [...rows.keys()].toSorted(), 'ended');
  assert.deepEqual(world.fifo.bodies(), [], 'in the queue');
  // What is said to be delivered is there, and what is said to have failed is not there whole.
  const delivered = textsOf('delivered').flatMap((text) => partsOf(course, text));
  hasAll(arrived, delivered, 'arrived');
  for (const text of textsOf('failed')) {
    const isWhole = partsOf(course, text).every((part) => arrived.includes(part));
    assert.equal(isWhole, false, `${text} failed and is there`);
  }
  // What a process heard stands in the row: nobody is asked for it, and it is not sent again.
  for (const { text, part } of heard) {
    const known = replayed.has(text) ? part : (rows.get(text)?.partsDelivered ?? 0);
    assert.ok(known >= part, `part ${part} of ${text} was heard to be delivered, and the row has ${known}`);
  }
  // Nothing comes twice, where the receiver dedupes or a person is asked: nobody is asked where it dedupes.
  assert.deepEqual(arrived.toSorted(), [...new Set(arrived)].toSorted(), 'once');
  if (options.unknown === 'repeat') assert.deepEqual(textsOf('parked'), [], 'parked');
  checkOrder({ world, course, answered, replayed });
  // A person hears of every bad end, and what failed is among the dead letters.
  const told = world.lines().filter(({ level }) => level === 'alert');
  for (const [status, word] of [
    ['failed', 'message_failed'],
    ['parked', 'message_parked'],
  ] as const) {
    const ids = told.filter(({ message }) => message === word).map(({ id }) => String(id));
    hasAll(ids, textsOf(status).map(world.idOf), `told of ${status}`);
  }
  const dead = textsOf('failed').map((text) => JSON.stringify({ message: world.idOf(text) }));
  hasAll(world.dead, dead, 'dead letters');
}

/** Each contact's came in the order in which they were answered; what a person sent again comes later. */
function checkOrder({
  world,
  course,
  answered,
  replayed,
}: Pick<ChatSimulation, 'world' | 'course' | 'answered' | 'replayed'>): void {
  const order = answered.filter((text) => !replayed.has(text)).flatMap((text) => partsOf(course, text));
  for (const contact of CONTACTS) {
    const came = world.arrived
      .filter((event) => event.contact === contact && order.includes(event.what))
      .map(({ what }) => what);
    assert.deepEqual(
      came,
      came.toSorted((a, b) => order.indexOf(a) - order.indexOf(b)),
      `order of ${contact}`,
    );
  }
}
