/**
 * Round trips of messages a second: a customer writes in the chat system, the platform's bot answers, and the answer is
 * back in the chat. With the embedded engines and the sandbox, each in a process of its own.
 *
 *     npm run bench:channels
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Measured, printed } from './figures.ts';
import { post, type Relay, startRelay, together, until } from './relay.ts';

const CONTACTS = 50;
const MESSAGES = 500;
/** Until what is done often is compiled. */
const WARM_UP = 300;
const GOAL_A_SECOND = 100;

export async function measureChannels(): Promise<Measured> {
  const relay = await startRelay();
  try {
    await roundTrips(relay, WARM_UP);
    const startedAt = performance.now();
    await roundTrips(relay, MESSAGES);
    const value = (MESSAGES * 1_000) / (performance.now() - startedAt);
    return {
      title: 'Messages',
      how:
        `${CONTACTS} customers write ${MESSAGES} messages in all, after ${WARM_UP} to warm up, as fast as the chat system takes them; each is answered by the ` +
        "platform's bot. A round trip is a message into the platform and its answer back to the chat, each in its contact's order.",
      figures: [{ what: 'round trips', value, unit: 'a second', goal: { atLeast: GOAL_A_SECOND } }],
    };
  } finally {
    await relay.stop();
  }
}

/** Customers write so many messages, and each has its answer. */
async function roundTrips({ url, folder }: Relay, count: number): Promise<void> {
  const before = answersIn(folder);
  await together(count, CONTACTS, async (index) => {
    const message = { contact: `contact-${index % CONTACTS}`, text: `question ${index}` };
    const { status, text } = await post(`${url}/sandbox/chat/say`, {}, JSON.stringify(message));
    if (status >= 300) throw new Error(`The chat answered ${status}: ${text}`);
  });
  await until(async () => answersIn(folder) >= before + count);
}

/** How many messages of the relay the chat has, by its books: to ask it would be work for what is measured. */
const answersIn = (folder: string): number =>
  readFileSync(join(folder, 'chat.jsonl'), 'utf8').split('{"kind":"delivered"').length - 1;

if (import.meta.main) process.stdout.write(printed(await measureChannels()));
