import { answersFor } from '../../shared/recharge/answers.ts';
import { LATEST_VERSION, type Recharge, SCHEMA_VERSION } from '../../shared/recharge/recharge.ts';
import { ledgerVerbs } from '../memory-ledger.ts';
import { land, settlements } from '../parties.ts';
import type { Answer, Program } from '../process.ts';
import { deed, type Order, person, SECRET, type Setup, sweeper, webhook, worker } from '../programs.ts';
import { type Around, rowOf } from '../world.ts';
import { DAY, HOUR, MINUTE, NEXT_SECRET, type Plan, type Sending } from './plan.ts';
import { type About, Running, type Surroundings } from './running.ts';
import type { Watch } from './watch.ts';

const SECOND = 1_000;
/** A queue shows a message again that nobody has deleted. */
const VISIBLE_AGAIN_MS = 6 * MINUTE;
/** Then it is put aside. */
const MOST_RECEIVED = 5;
/** The platform sends again what was not accepted. */
const SENT_AGAIN_MS = [MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 3 * HOUR, 8 * HOUR, DAY];
const RUNS_MS = { webhook: 10 * SECOND, sweeper: 50 * SECOND, worker: 60 * SECOND, person: 100 * DAY };

/** The last few minutes. */
const TABLES_KEPT = 20;

/** Everything that starts a process, or does something by itself: the platform, the queue, the clock, people, the other sides. */
export class Actors {
  readonly #plan: Plan;
  readonly #around: Surroundings;
  readonly #watch: Watch;
  #deployed = 0;
  #started = 0;
  readonly #secretChangesAt: number;
  readonly #sweeps = new Set<number>();
  readonly #visited = new Set<string>();
  readonly #flying = new WeakSet<object>();
  readonly #settling = new Set<string>();
  #books: Around['books'] | undefined;
  /** As they were when somebody looked for what is due. */
  readonly #tables: { at: number; table: Around['table'] }[] = [];

  constructor(plan: Plan, around: Surroundings, watch: Watch) {
    this.#plan = plan;
    this.#around = around;
    this.#watch = watch;
    this.#secretChangesAt = around.random.between(plan.startsAt, plan.quietAt);
  }

  /** Notes everything that was planned. */
  begin(): void {
    const { agenda } = this.#around;
    const { sendings, deployments, laterVersions, upgradedAt, deeds } = this.#plan;
    for (const sending of sendings) agenda.at(sending.at, () => this.#send(sending, 0));
    for (const { at, setup } of deployments) agenda.at(at, () => this.#deploy(setup));
    for (const { from, to } of laterVersions) agenda.at(from, () => this.#writeLater(to));
    if (upgradedAt !== undefined) agenda.at(upgradedAt, () => this.#upgrade());
    for (const at of deeds) agenda.at(at, () => this.#want());
  }

  /** After each step: what it set off. */
  stepped(): void {
    const { world, agenda, random } = this.#around;
    if (world.queue.length > 0) {
      for (const message of world.queue) this.#deliver(message, false);
      world.queue = [];
    }
    for (const flight of world.flights) {
      if (this.#flying.has(flight)) continue;
      this.#flying.add(flight);
      const at = random.chance(0.3) ? flight.by : random.between(agenda.now, flight.by);
      agenda.at(at, () => {
        land(world, flight);
        this.#watch.count(`a ${flight.kind} lands late`);
        this.#watch.tell(keyOfFlight(flight) ?? '', `a late ${flight.kind} arrives`);
        this.#watch.look();
      });
    }
    if (world.books === this.#books) return;
    this.#books = world.books;
    for (const open of settlements(world)) {
      if (this.#settling.has(open.of)) continue;
      this.#settling.add(open.of);
      // Some banks never say.
      if (open.of in world.books.charges && random.chance(0.15)) continue;
      agenda.in(random.spread(MINUTE, 12 * DAY), () => this.#settle(open.of));
    }
  }

  /** An index follows the table, mostly at once. Everything else is read as it is. */
  seenBy({ port }: { port: string }): Around {
    const { world, agenda, troubles, random } = this.#around;
    if (port !== 'ledger.due') return world;
    const { now } = agenda;
    const before = this.#tables.findLast(({ at }) => at < now - random.spread(SECOND, 10 * MINUTE));
    this.#tables.push({ at: now, table: world.table });
    this.#tables.splice(0, this.#tables.length - TABLES_KEPT);
    if (!before || !troubles.happens('stale', now)) return world;
    this.#watch.count('the index is read as it was');
    return { ...world, table: before.table };
  }

  /** The row was written, or swept. */
  changed(row: Recharge): void {
    const { nextAttemptAt, key } = row;
    if (nextAttemptAt !== undefined) this.#sweepAt(nextAttemptAt);
    const isImpatient = row.phase === 'charged' && this.#around.random.chance(0.02);
    if (row.review !== undefined || isImpatient || (answersFor(row).length > 0 && row.phase !== 'charged'))
      this.#visit(key);
  }

  get #setup(): Setup {
    return this.#plan.setups[this.#deployed] ?? this.#plan.setups[0];
  }

  #start(
    kind: About['kind'],
    key: string,
    programOf: (name: string) => Program<Around>,
    ended: (end: Answer | 'died') => void,
  ): void {
    this.#started += 1;
    const name = `${kind}-${this.#started}`;
    const mostMs = this.#plan.isLambda ? RUNS_MS[kind] : RUNS_MS.person;
    new Running(name, { kind, key, setup: this.#setup, mostMs }, this.#around, ended).start(programOf(name));
  }

  // ── The platform sends webhooks ──────────────────────────────────────────────────────────────────

  #send({ order, kind }: Pick<Sending, 'order' | 'kind'>, times: number): void {
    const { agenda } = this.#around;
    const secret = agenda.now < this.#secretChangesAt ? SECRET : NEXT_SECRET;
    const signed: Order = { ...order, ...(order.forged ? {} : { secret }) };
    const setup = this.#setup;
    this.#watch.count(`webhook ${kind}${times > 0 ? ' again' : ''}`);
    this.#watch.tell(order.key, `the platform sends the webhook (${kind})`);
    this.#start(
      'webhook',
      order.key,
      (name) => webhook(name, signed, setup),
      (end) => {
        const status = end !== 'died' && 'value' in end ? Number(end.value) : 'no answer';
        this.#watch.count(`webhook answered ${status}`);
        if (typeof status === 'number' && status < 500) {
          this.#answered(order, kind, status);
          return;
        }
        const waitMs = SENT_AGAIN_MS[times];
        if (kind === 'first' && waitMs !== undefined)
          agenda.in(waitMs, () => this.#send({ order, kind }, times + 1));
      },
    );
  }

  #answered({ key }: Order, kind: Sending['kind'], status: number): void {
    if (kind === 'forged' ? status !== 401 : status === 401)
      this.#watch.violated(`I8: the webhook (${kind}) was answered ${status}`, key);
    if (status < 300 && !rowOf(this.#around.world, key))
      this.#watch.violated('I5: the webhook was accepted, and there is no row', key);
  }

  // ── The queue, and the clock of the sweeper ──────────────────────────────────────────────────────

  #deliver(key: string, woken: boolean): void {
    const { agenda, troubles, random } = this.#around;
    const { now } = agenda;
    const delayMs = () => {
      const isLate = troubles.happens('delays', now);
      if (isLate) this.#watch.count('a message is late');
      return isLate ? random.spread(MINUTE, 6 * HOUR) : random.spread(20, 500);
    };
    agenda.in(delayMs(), () => this.#receive(key, woken, 1));
    if (!troubles.happens('doubles', now)) return;
    this.#watch.count('a message comes twice');
    agenda.in(delayMs(), () => this.#receive(key, woken, 1));
  }

  #receive(key: string, woken: boolean, times: number): void {
    const { agenda } = this.#around;
    const setup = this.#setup;
    const { now } = agenda;
    this.#start(
      'worker',
      key,
      (name) => worker(name, key, setup, woken),
      (end) => {
        const isDone = end !== 'died' && 'value' in end && end.value === 0;
        if (isDone) return;
        if (end !== 'died' && !woken)
          this.#watch.violated('I5: a worker has reported its message as failed', key);
        if (times < MOST_RECEIVED)
          agenda.at(now + VISIBLE_AGAIN_MS, () => this.#receive(key, woken, times + 1));
        else this.#watch.count('a message is put aside');
      },
    );
  }

  /** A sweep begins each minute. One that would find nothing does nothing, and is left out. */
  #sweepAt(time: number): void {
    const { agenda } = this.#around;
    const at = Math.ceil(Math.max(time, agenda.now + 1) / MINUTE) * MINUTE;
    if (this.#sweeps.has(at)) return;
    this.#sweeps.add(at);
    agenda.at(at, () => {
      this.#sweeps.delete(at);
      if (!this.#isDue()) return;
      const setup = this.#setup;
      this.#start(
        'sweeper',
        '',
        (name) => sweeper(name, setup),
        () => {
          if (this.#isDue()) this.#sweepAt(agenda.now);
        },
      );
      // Should it die, or sleep, the next minute has a sweep of its own.
      this.#sweepAt(at + 1);
    });
  }

  #isDue(): boolean {
    const { world, agenda } = this.#around;
    for (const { row } of world.table.recharges.values())
      if (row.nextAttemptAt !== undefined && row.nextAttemptAt <= agenda.now && row.v <= LATEST_VERSION)
        return true;
    return false;
  }

  // ── People ───────────────────────────────────────────────────────────────────────────────────────

  /** Somebody who is asked comes after hours or days, and again if that settled nothing. */
  #visit(key: string): void {
    if (this.#visited.has(key)) return;
    this.#visited.add(key);
    const { agenda, random } = this.#around;
    agenda.in(random.spread(random.chance(0.5) ? SECOND : HOUR, random.chance(0.5) ? HOUR : 3 * DAY), () => {
      const setup = this.#setup;
      this.#start(
        'person',
        key,
        (name) => person(name, key, setup),
        (end) => {
          this.#visited.delete(key);
          const said = end !== 'died' && 'value' in end ? String(end.value) : 'storage did not answer';
          this.#watch.count(`a person looks: ${said}`);
          const row = rowOf(this.#around.world, key);
          if (row && answersFor(row).length > 0 && row.phase !== 'charged') this.#visit(key);
        },
      );
    });
  }

  /** A person wants something of whichever recharge came last, or its client is suspended for some hours. */
  #want(): void {
    const { world, random, agenda } = this.#around;
    const rows = [...world.table.recharges.values()].slice(-4);
    if (rows.length === 0) return;
    const { key, email } = random.pick(rows).row;
    const what = random.pick(['stop', 'retry', 'give back', 'suspend', 'answer'] as const);
    this.#watch.count(`a person wants to ${what}`);
    this.#watch.tell(key, `a person wants to ${what}`);
    const setup = this.#setup;
    if (what === 'suspend') {
      this.#setStatus(email, 'suspended');
      agenda.in(random.spread(MINUTE, 3 * DAY), () => this.#setStatus(email, 'active'));
    } else if (what === 'answer') this.#visit(key);
    else {
      this.#start(
        'person',
        key,
        (name) => deed(name, key, what, setup),
        () => {},
      );
    }
  }

  #setStatus(email: string, status: 'active' | 'suspended'): void {
    const verbs = ledgerVerbs(this.#around.world);
    const read = verbs.readAccount(email);
    if (read.status === undefined || read.status === 'disabled') return;
    const statusChange = { at: this.#around.agenda.now, note: 'a person wants it' };
    verbs.writeAccount(read, { ...read, status, statusChange });
  }

  // ── Deployments ──────────────────────────────────────────────────────────────────────────────────

  #deploy(setup: number): void {
    this.#deployed = setup;
    this.#watch.count(`setup ${setup} is deployed`);
    this.#watch.tell('', `setup ${setup} is deployed`);
  }

  /** Of all that stands there, this version finds what the one before wrote: rows of that version, which knew no counterparty. */
  #upgrade(): void {
    for (const { row } of this.#around.world.table.recharges.values()) {
      if (row.v > LATEST_VERSION) continue;
      const { paymentParty: _, platformParty: __, ...known } = row;
      this.#watch.count('a row of the version before is found');
      this.#watch.tell(row.key, 'this version is deployed, and finds the row of the one before');
      this.#put({ ...known, v: SCHEMA_VERSION - 1, version: row.version + 1 });
    }
  }

  /** Past the ledger, as another version of the program would write. */
  #put(row: Recharge): void {
    const { world } = this.#around;
    const kept = world.table.recharges.get(row.key);
    const recharges = new Map(world.table.recharges).set(row.key, { unanswered: 0, ...kept, row });
    world.table = { ...world.table, recharges };
    this.#watch.look();
  }

  /** What a later version wrote stays as it is until that version comes again. */
  #writeLater(to: number): void {
    const { world, agenda, random } = this.#around;
    const open = [...world.table.recharges.values()].filter(({ row }) => row.nextAttemptAt !== undefined);
    for (const kept of open.slice(0, random.between(1, 3))) {
      const { key, v, version } = kept.row;
      const row: Recharge = { ...kept.row, v: LATEST_VERSION + 1, version: version + 1 };
      if (v > LATEST_VERSION) continue;
      this.#watch.count('a later version writes a row');
      this.#watch.tell(key, 'a later version writes the row');
      this.#put(row);
      agenda.at(to, () => {
        if (rowOf(world, key) !== row) this.#watch.violated('a row of a later version was written', key);
        this.#watch.tell(key, 'the later version writes the row as we know it');
        this.#put({ ...row, v, version: row.version + 1 });
      });
    }
  }

  // ── The other sides ──────────────────────────────────────────────────────────────────────────────

  #settle(of: string): void {
    const { world, random } = this.#around;
    const open = settlements(world).filter((settlement) => settlement.of === of);
    if (open.length === 0) return;
    const { say, settle, rechargeKey } = random.pick(open);
    settle(world);
    this.#watch.count(say.replace(rechargeKey, 'a recharge'));
    this.#watch.tell(rechargeKey, say);
    this.#watch.look();
    // The provider says so, mostly, and anybody may say so.
    if (random.chance(0.6)) this.#deliver(rechargeKey, true);
  }
}

const keyOfFlight = (flight: { kind: string; request?: { rechargeKey: string } }) =>
  flight.request?.rechargeKey;
