import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { withAlertRows } from '../shared/alerts.ts';
import { messageIdOf, newMessage } from '../shared/channels/message.ts';
import { createDynamoMessages } from '../shared/channels/messages.ts';
import { record } from '../shared/history.ts';
import { createDynamoQuarantine } from '../shared/incoming/quarantine.ts';
import { createLogger } from '../shared/logger.ts';
import type { PaymentHook } from '../shared/payments/payment-hook.ts';
import type { GrantResult, PlatformClient } from '../shared/platform/client.ts';
import { createAccounts } from '../shared/recharge/accounts.ts';
import { applyAnswer } from '../shared/recharge/answers.ts';
import { applyGoodwillRefund } from '../shared/recharge/deeds.ts';
import { createDynamoCharging } from '../shared/recharge/dynamo-charging.ts';
import { createDynamoLedger } from '../shared/recharge/dynamo-ledger.ts';
import { productionPolicy } from '../shared/recharge/policy.ts';
import { isFinished, newRecharge, type Recharge } from '../shared/recharge/recharge.ts';
import { draw, type RunDeps, runRecharge } from '../shared/recharge/run-recharge.ts';
import { readOrder } from '../shared/recharge/webhook.ts';
import { parseConfig } from '../shared/settings/config.ts';
import { guardSettings, partiesOf } from '../shared/settings/config-in-use.ts';
import { createDocumentClient } from '../shared/storage/clients.ts';
import { engineAt } from './aws.ts';
import { DAYS_OF_SCENES, emailOf, LAST_OF_CHANCE, NEW_CLIENT, playScenes } from './demo-scenes.ts';
import { createTable, startDynamo } from './engines.ts';
import { localSecrets, writeRuntime } from './state.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const DAYS = 42;
const CLIENTS = 40;
const TABLE = 'demonstration';

/** A relay that lived for six weeks, and does nothing any more: for looking at it. */
export interface DemoLife {
  /** Of a folder of its own, gone at the end: no real row is ever there. */
  env: NodeJS.ProcessEnv;
  stop(): Promise<void>;
}

/**
 * Fills a table of its own with six weeks of plausible life: the real machine, driven through them, with parties that
 * answer as real ones do. The same seed every time, so that two people see the same.
 *
 * @param now the last moment of it, in Unix milliseconds.
 * @param given.aDay how many recharges chance brings a day, in the mean.
 */
export async function liveDemoLife(now: number, { aDay = 9 } = {}): Promise<DemoLife> {
  const folder = mkdtempSync(join(tmpdir(), 'relay-demonstration-'));
  const engine = await startDynamo();
  const client = createDocumentClient(engineAt(engine.endpoint));
  const env = { ...process.env, RELAY_LOCAL_DIR: folder };
  await createTable(client, TABLE);
  const config = parseConfig(CONFIG, 'the configuration of the demonstration');
  localSecrets(env);
  writeRuntime(env, {
    url: 'http://127.0.0.1:1',
    dynamodbEndpoint: engine.endpoint,
    table: TABLE,
    config,
  });
  await new Life(client, config, now).live(aDay);
  client.destroy();
  return {
    env,
    async stop() {
      await engine.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const CONFIG = {
  platform: { baseUrl: 'https://platform.example.com/v1' },
  recharge: { mode: 'live', creditsField: 'credits' },
  pricing: { currency: 'EUR', perCredit: '0.09' },
  guard: { unknownAccounts: 'refuse', limits: { monthlyAmount: 120_000, cooldownSeconds: 600 } },
  payment: { type: 'http', url: 'https://pay.example.com' },
};

/** What becomes of a recharge, by how often. */
const FATES = [
  ['goes well', 86],
  ['is declined', 6],
  ['is processed', 0.5],
  ['waits for the client', 1],
  ['is not answered', 1],
  ['is refused by the platform', 1],
  ['is unknown at the payment endpoint', 0.5],
  ['is refunded', 1],
  ['is given back', 3],
] as const;
type Fate = (typeof FATES)[number][0];

/** What is there to be answered, whatever chance brought, the oldest first. */
const UNANSWERED: [client: number, fate: Fate, back: number][] = [
  [39, 'is refused by the platform', 20 * HOUR],
  [40, 'waits for the client', 5 * HOUR],
  [17, 'is not answered', HOUR],
];

const PACKS = [250, 500, 500, 500, 1_000, 2_000];
/** What is asked for every few minutes, for a day, and then answered by a person, is at rest long before. */
const MOST_RUNS = 1_000;
const CONFIRM_URL = 'https://pay.example.com/confirm/demonstration';
const OBSERVED_FROM = (DAYS - 2) * DAY;
const NIGHT = { begins: 12 * DAY, ends: 12 * DAY - 5 * HOUR };

class Life {
  readonly #client;
  readonly #deps: RunDeps;
  readonly #accounts;
  readonly #logger;
  readonly #now: number;
  readonly #config;
  /** Shared with the scenes. */
  readonly #clock = { time: 0 };
  #drawn = 0;
  readonly #fates = new Map<string, Fate>();

  constructor(
    client: ReturnType<typeof createDocumentClient>,
    config: ReturnType<typeof parseConfig>,
    now: number,
  ) {
    this.#client = client;
    this.#now = now;
    this.#config = config;
    const time = () => this.#clock.time;
    const ledger = createDynamoLedger(client, TABLE);
    this.#accounts = createAccounts(client, TABLE, ledger);
    this.#logger = withAlertRows(
      createLogger(() => {}, { now: time }),
      { client, table: TABLE, now: time },
    );
    this.#deps = {
      ledger,
      charging: createDynamoCharging(client, TABLE, { freshMs: 0, now: time }),
      guard: guardSettings(config),
      parties: partiesOf(config),
      preflight: false,
      policy: productionPolicy,
      logger: this.#logger,
      draw,
      sleep,
      now: time,
      payments: this.#payments(),
      platform: this.#platform(),
    };
  }

  /** The next number of a row that looks like chance, from 0 to 1. */
  #draw(): number {
    this.#drawn += 1;
    return createHash('sha256').update(`life ${this.#drawn}`).digest().readUInt32BE() / 2 ** 32;
  }

  async live(aDay: number): Promise<void> {
    await this.#setUp();
    const times = Array.from({ length: DAYS * aDay }, () => this.#now - DAYS * DAY * this.#draw()).sort(
      (a, b) => a - b,
    );
    // Of each client one at a time, as real ones ask: what comes while another is unfinished is refused.
    for (const [index, at] of times.entries()) await this.#recharge(`demo-${index + 1}`, at);
    for (const [number, fate, back] of UNANSWERED) await this.#leaveOne(number, fate, this.#now - back);
    await playScenes({
      client: this.#client,
      table: TABLE,
      deps: this.#deps,
      accounts: this.#accounts,
      logger: this.#logger,
      clock: this.#clock,
      end: this.#now,
    });
    await this.#talk();
    await this.#keepAside();
    this.#raiseOthers();
    await this.#logger.kept();
  }

  async #setUp(): Promise<void> {
    this.#clock.time = this.#now - (DAYS + 1) * DAY;
    for (let number = 1; number <= CLIENTS; number += 1) {
      await this.#accounts.set(emailOf(number), {
        platformId: `sub-${1_000 + number}`,
        ...(number === NEW_CLIENT ? { limits: { monthlyAmount: 10_000 } } : {}),
        ...(number % 7 === 0 && number !== NEW_CLIENT ? { limits: { monthlyAmount: 30_000 } } : {}),
        ...(number === 23
          ? {
              status: 'suspended',
              statusChange: { at: this.#clock.time, note: 'did not pay in September', by: 'jane@desk' },
            }
          : {}),
      });
    }
  }

  #isNight(): boolean {
    const back = this.#now - this.#clock.time;
    return back <= NIGHT.begins && back >= NIGHT.ends;
  }

  #drawFate(): Fate {
    let left = this.#draw() * FATES.reduce((sum, [, often]) => sum + often, 0);
    for (const [fate, often] of FATES) {
      left -= often;
      if (left < 0) return fate;
    }
    return 'goes well';
  }

  async #recharge(key: string, at: number): Promise<void> {
    this.#clock.time = Math.floor(at);
    const drawn = 1 + Math.floor(this.#draw() ** 1.3 * CLIENTS);
    const isOfScenes = drawn > LAST_OF_CHANCE && this.#now - at < DAYS_OF_SCENES * DAY;
    const number = isOfScenes || drawn === NEW_CLIENT ? 1 + (drawn % LAST_OF_CHANCE) : drawn;
    const credits = PACKS[Math.floor(this.#draw() * PACKS.length)] ?? 500;
    this.#fates.set(key, this.#drawFate());
    const row = newRecharge(
      { key, email: emailOf(number), credits },
      this.#clock.time,
      this.#clock.time + MINUTE,
    );
    await this.#deps.ledger.claim(row);
    this.#clock.time += 150 + Math.floor(this.#draw() * 400);
    await this.#toRest(key, this.#now - at > OBSERVED_FROM ? this.#observing() : this.#deps);
    if (this.#fates.get(key) === 'is given back') await this.#giveBack(key);
  }

  /** At first it was only watched. */
  #observing(): RunDeps {
    return { ...this.#deps, guard: { ...this.#deps.guard, mode: 'observe' } };
  }

  async #giveBack(key: string): Promise<void> {
    this.#clock.time += 5 * HOUR;
    const row = await this.#deps.ledger.read(key);
    if (!row || this.#clock.time > this.#now) return;
    const at = { now: this.#clock.time, policy: productionPolicy };
    const applied = applyGoodwillRefund(row, 'goodwill: she was charged in her holidays (jane@desk)', at);
    if ('refused' in applied) return;
    await this.#deps.ledger.write(row, applied.next);
    await runRecharge(key, this.#clock.time + productionPolicy.runMs, this.#deps);
  }

  /** As the sweeper and, on the next morning, a person bring it on. */
  async #toRest(key: string, deps = this.#deps): Promise<void> {
    for (let runs = 0; runs < MOST_RUNS; runs += 1) {
      const row = await runRecharge(key, this.#clock.time + productionPolicy.runMs, deps);
      if (row === 'left_alone') return;
      const next = isFinished(row) ? undefined : row.phase === 'needs_review' ? await this.#answer(row) : row;
      if (next?.nextAttemptAt === undefined || next.nextAttemptAt > this.#now) return;
      this.#clock.time = Math.max(this.#clock.time + 1, next.nextAttemptAt);
    }
  }

  /** @returns the row with the answer; undefined where nobody has come to it yet. */
  async #answer(row: Recharge): Promise<Recharge | undefined> {
    const later = this.#clock.time + 2 * HOUR + this.#draw() * 8 * HOUR;
    if (later > this.#now - 3 * DAY) return undefined;
    this.#clock.time = Math.floor(later);
    const answer = ANSWERS[row.review ?? ''] ?? 'refund';
    const said = answer === 'confirm-charged' ? { paymentRef: `pay_${row.key}` } : {};
    const at = { now: this.#clock.time, policy: productionPolicy };
    const applied = applyAnswer(row, { answer, note: 'seen in the history (jane@desk)', ...said }, at);
    if ('refused' in applied) return undefined;
    return (await this.#deps.ledger.write(row, applied.next)).row;
  }

  #payments(): PaymentHook {
    const fateOf = (key: string) => this.#fates.get(key) ?? 'goes well';
    const keys = new Map<string, string>();
    return {
      prepareCharge: async ({ chargeId, rechargeKey }) => {
        keys.set(chargeId, rechargeKey);
        return {
          send: async () => {
            this.#clock.time += 300 + Math.floor(this.#draw() * 900);
            const paymentRef = `pay_${rechargeKey}`;
            switch (fateOf(rechargeKey)) {
              case 'is declined':
                return {
                  kind: 'declined',
                  reason: DECLINES[Math.floor(this.#draw() * DECLINES.length)] ?? 'card_declined',
                  retryable: false,
                };
              case 'is processed':
                return { kind: 'pending', paymentRef };
              case 'waits for the client':
                return { kind: 'pending', paymentRef, actionUrl: CONFIRM_URL };
              case 'is unknown at the payment endpoint':
                this.#clock.time += 15_000;
                return { kind: 'unknown', detail: 'no answer within 15 s' };
              default:
                return { kind: 'paid', paymentRef };
            }
          },
        };
      },
      lookup: async ({ chargeId }) => {
        const key = keys.get(chargeId);
        if (key === undefined) return { kind: 'not_found' };
        if (fateOf(key) === 'is unknown at the payment endpoint')
          return { kind: 'unknown', detail: 'status 503' };
        if (fateOf(key) === 'waits for the client')
          return { kind: 'pending', paymentRef: `pay_${key}`, actionUrl: CONFIRM_URL };
        return { kind: 'paid', paymentRef: `pay_${key}` };
      },
      cancel: async () => ({ kind: 'declined', reason: 'expired', retryable: false }),
      refund: async ({ rechargeKey }) =>
        fateOf(rechargeKey) === 'is refunded' && this.#draw() < 0.5
          ? { kind: 'refused', reason: 'the account was closed' }
          : { kind: 'refunded', refundRef: `re_${rechargeKey}` },
    };
  }

  #platform(): RunDeps['platform'] {
    const answer = (key: string): GrantResult => {
      if (this.#isNight()) return { kind: 'unknown', detail: 'status 503 Service Unavailable' };
      switch (this.#fates.get(key)) {
        case 'is not answered':
          this.#clock.time += 10_000;
          return { kind: 'unknown', detail: 'no answer within 10 s' };
        case 'is refused by the platform':
          return { kind: 'refused', detail: 'status 422 the sub-account is closed' };
        default:
          return { kind: 'granted', newBalance: 600 + Math.floor(this.#draw() * 4_000) };
      }
    };
    const platform: Pick<PlatformClient, 'prepareGrant' | 'subAccount' | 'findGrant' | 'listGrants'> = {
      prepareGrant: async ({ email: client }) => ({
        send: async () => {
          this.#clock.time += 120 + Math.floor(this.#draw() * 500);
          const { last } = await this.#deps.ledger.readAccount(client);
          return answer(last?.key ?? '');
        },
      }),
      subAccount: async () => ({ kind: 'no_answer', detail: 'not asked' }),
      findGrant: async () => ({ kind: 'no_answer', detail: 'not asked' }),
      listGrants: async () => ({ kind: 'no_answer', detail: 'not asked' }),
    };
    return platform;
  }

  /** One that waits for whoever looks. */
  async #leaveOne(number: number, fate: Fate, at: number): Promise<void> {
    const key = `demo-client-${String(number).padStart(3, '0')}`;
    this.#clock.time = at;
    this.#fates.set(key, fate);
    await this.#deps.ledger.claim(
      newRecharge(
        { key, email: emailOf(number), credits: 1_000 },
        this.#clock.time,
        this.#clock.time + MINUTE,
      ),
    );
    await this.#toRest(key);
  }

  async #talk(): Promise<void> {
    const messages = createDynamoMessages(this.#client, TABLE, () => this.#clock.time);
    for (const [index, [channel, contact, question, reply, trouble]] of TALKS.entries()) {
      for (const [direction, text] of [
        ['incoming', question],
        ['outgoing', reply],
      ] as const) {
        this.#clock.time =
          this.#now - (TALKS.length - index) * 3 * HOUR + (direction === 'outgoing' ? 4_000 : 0);
        const id = `demo-${index}-${direction}`;
        const content = { id, contact, type: 'text' as const, text, attachments: [] };
        const { row } = await messages.mark(newMessage({ channel, direction, content }, this.#clock.time));
        const [status, detail] = (direction === 'outgoing' && trouble) || (['delivered'] as const);
        const history = record(row, { now: this.#clock.time + 900 }, status, detail);
        await messages.write(row, { ...row, status, history });
        if (status !== 'delivered')
          this.#logger.alert(`message_${status}`, { id: messageIdOf(row), channel, direction, detail });
      }
    }
  }

  /** A webhook that names the credits otherwise than the configuration, one that says something else under a key, a chat message. */
  async #keepAside(): Promise<void> {
    const order = { idempotency_key: 'evt_81', email: emailOf(9), amount: 500 };
    const read = readOrder(Buffer.from(JSON.stringify(order)), this.#config.recharge);
    const fault = 'fault' in read ? read.fault : '';
    const route = '/webhooks/auto-recharge';
    const quarantined = await this.#keep(5 * HOUR, route, order, fault);
    this.#logger.alert('webhook_quarantined', { route, quarantine: quarantined, detail: fault });

    const key = 'demo-1';
    const other = { idempotency_key: key, email: emailOf(9), credits: 5_000 };
    const reused = await this.#keep(3 * HOUR, route, other, `the key ${key} is known with other content`);
    this.#logger.alert('key_reused', { key, email: emailOf(9), quarantine: reused });

    const odd = 'message.from: must be text';
    const way = { channel: 'shop', direction: 'incoming' };
    const chat = await this.#keep(2 * HOUR, '/channels/shop/incoming', { message: { text: 'Hello?' } }, odd);
    this.#logger.alert('message_quarantined', { ...way, quarantine: chat, detail: odd });
  }

  async #keep(back: number, route: string, body: object, reason: string): Promise<string> {
    this.#clock.time = this.#now - back;
    return createDynamoQuarantine(this.#client, TABLE).keep({
      route,
      headers: { 'content-type': 'application/json', 'user-agent': 'platform/2.4' },
      body: Buffer.from(JSON.stringify(body)),
      reason,
      receivedAt: this.#clock.time,
    });
  }

  /** Of parts that a demonstration does not have: a secret store, the books of a provider, a second provider. */
  #raiseOthers(): void {
    this.#clock.time = this.#now - 4 * HOUR;
    const month = new Date(this.#now).toISOString().slice(0, 7);
    const [key, email] = ['demo-client-013-14400', emailOf(13)];
    this.#logger.alert('books_differ', { month, detail: '1 finding in the payments' });
    this.#logger.alert('secret_unreadable', {
      secret: 'paymentHook',
      detail: 'the secret store did not answer',
    });
    this.#logger.alert('payment_disputed', { key, email, detail: 'dp_demonstration: 45.00 EUR; fraudulent' });
    this.#logger.alert('refunded_elsewhere', { key, email, detail: 're_demonstration: 45.00 EUR' });
  }
}

const ANSWERS: Record<
  string,
  'confirm-granted' | 'confirm-not-granted' | 'confirm-charged' | 'refund' | 'confirm-refunded'
> = {
  charge_unknown: 'confirm-charged',
  grant_unknown: 'confirm-granted',
  grant_refused: 'refund',
  refund_failed: 'confirm-refunded',
};

const DECLINES = ['insufficient_funds', 'card_declined', 'expired_card', 'card_refused'];

type Trouble = readonly [status: 'failed' | 'parked', detail: string];

const TALKS: [channel: string, contact: string, question: string, reply: string, trouble?: Trouble][] = [
  ['support', '4412', 'Is my order on its way?', 'Yes: it left our house this morning.'],
  ['sales', '+15555550123', 'Do you deliver on Saturdays?', 'We do, until two o’clock.'],
  [
    'shop',
    'maria',
    'Can I change the size?',
    'Of course. Which one do you need?',
    ['failed', 'status 403 the contact has opted out'],
  ],
  [
    'sales',
    '+15555550178',
    'What does a year cost?',
    'Shall I send you an offer?',
    ['parked', 'no answer within 10 s'],
  ],
  ['support', '4412', 'Thank you!', 'You are welcome.'],
];
