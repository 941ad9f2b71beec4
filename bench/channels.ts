/**
 * Round trips of messages a second: a customer writes in the chat system, the platform's bot answers, and the answer is
 * back in the chat. With the embedded engines and the sandbox, each in a process of its own.
 *
 *     npm run bench:channels
 */
import * as z from 'zod';
import { type Measured, printed } from './figures.ts';
import { startRelay, together, until } from './relay.ts';

const CONTACTS = 50;
const MESSAGES = 500;
const GOAL_A_SECOND = 100;

export async function measureChannels(): Promise<Measured> {
  const relay = await startRelay();
  const chat = `${relay.url}/sandbox/chat`;
  try {
    const before = await answersIn(chat);
    const startedAt = performance.now();
    await together(MESSAGES, CONTACTS, async (index) => {
      const response = await fetch(`${chat}/say`, {
        method: 'POST',
        body: JSON.stringify({ contact: `contact-${index % CONTACTS}`, text: `question ${index}` }),
      });
      if (!response.ok) throw new Error(`The chat answered ${response.status}: ${await response.text()}`);
      await response.arrayBuffer();
    });
    await until(async () => (await answersIn(chat)) >= before + MESSAGES);
    const value = (MESSAGES * 1_000) / (performance.now() - startedAt);
    return {
      title: 'Messages',
      how:
        `${CONTACTS} customers write ${MESSAGES} messages in all, as fast as the chat system takes them; each is answered by the ` +
        "platform's bot. A round trip is a message into the platform and its answer back to the chat, each in its contact's order.",
      figures: [{ what: 'round trips', value, unit: 'a second', goal: { atLeast: GOAL_A_SECOND } }],
    };
  } finally {
    await relay.stop();
  }
}

const messagesSchema = z.object({ messages: z.array(z.object({ kind: z.string() })) });

/** How many messages of the relay the chat has. */
async function answersIn(chat: string): Promise<number> {
  const { messages } = messagesSchema.parse(await (await fetch(`${chat}/messages`)).json());
  return messages.filter(({ kind }) => kind === 'delivered').length;
}

if (import.meta.main) process.stdout.write(printed(await measureChannels()));
