import { isFinished } from '../../shared/recharge/recharge.ts';
import { type Charge, land, settlements } from '../parties.ts';
import { type Around, rowOf } from '../world.ts';
import { DAY, HOUR, MINUTE, SECOND } from './plan.ts';
import type { Queue } from './queue.ts';
import type { Stage } from './stage.ts';

/** What the payment endpoint and the platform do by themselves: what lands late, what is decided, and what is said of it. */
export class OtherSides {
  readonly #stage: Stage;
  readonly #queue: Queue;
  readonly #flying = new WeakSet<object>();
  readonly #settling = new Set<string>();
  #books: Around['books'];

  constructor(stage: Stage, queue: Queue) {
    this.#stage = stage;
    this.#queue = queue;
    this.#books = stage.around.world.books;
  }

  begin(): void {
    const { plan, around } = this.#stage;
    for (const at of plan.wakes) around.agenda.at(at, () => this.#anybodySays());
  }

  stepped(): void {
    const { world, agenda, random } = this.#stage.around;
    for (const flight of world.flights) {
      if (this.#flying.has(flight)) continue;
      this.#flying.add(flight);
      const at = random.chance(0.3) ? flight.by : random.between(agenda.now, flight.by);
      agenda.at(at, () => {
        land(world, flight);
        this.#happened(keyOfFlight(flight), `a ${flight.kind} lands late`, `a late ${flight.kind} arrives`);
      });
    }
    if (world.books === this.#books) return;
    const { charges } = this.#books;
    this.#books = world.books;
    for (const [name, charge] of Object.entries(world.books.charges))
      if (charges[name] !== charge) this.#says(charge);
    for (const { of } of settlements(world)) this.#mustSettle(of);
  }

  #happened(key: string, what: string, story: string): void {
    const { watch } = this.#stage;
    watch.count(what);
    watch.tell(key, story);
    watch.look();
    this.stepped();
  }

  #mustSettle(of: string): void {
    const { world, agenda, random } = this.#stage.around;
    if (this.#settling.has(of)) return;
    this.#settling.add(of);
    const isRefund = !(of in world.books.charges);
    // Some banks never say.
    if (!isRefund && random.chance(0.15)) return;
    const waitMs = isRefund ? random.spread(DAY, 20 * DAY) : random.spread(MINUTE, 12 * DAY);
    agenda.in(waitMs, () => {
      const open = settlements(world).filter((settlement) => settlement.of === of);
      if (open.length === 0) return;
      const { say, settle, rechargeKey } = random.pick(open);
      settle(world);
      this.#happened(rechargeKey, say.replace(rechargeKey, 'a recharge'), say);
    });
  }

  // ── Somebody says that a payment has changed ─────────────────────────────────────────────────────

  /** The provider says of most changes that there was one: at once, or days later, and sometimes twice. */
  #says({ rechargeKey, status }: Charge): void {
    const { agenda, random } = this.#stage.around;
    // Of what the relay has heard at once, fewer looks find as much.
    if (!random.chance(status === 'paid' ? 0.2 : 0.6)) return;
    const say = () => this.#wake(rechargeKey);
    agenda.in(random.spread(SECOND, random.chance(0.2) ? 3 * DAY : MINUTE), say);
    if (random.chance(0.1)) agenda.in(random.spread(SECOND, HOUR), say);
  }

  /** Whoever knows the address of the client's page says so, as often as they like, of any recharge and of none. */
  #anybodySays(): void {
    const { world, random, agenda } = this.#stage.around;
    const keys = ['of-another-relay', ...world.table.recharges.keys()];
    const key = random.pick(keys);
    for (let times = random.between(1, 3); times > 0; times -= 1)
      agenda.in(random.spread(SECOND, 5 * MINUTE), () => this.#wake(key));
  }

  #wake(key: string): void {
    const { around, watch } = this.#stage;
    const row = rowOf(around.world, key);
    const of = row ? (isFinished(row) ? 'that has ended' : 'under way') : 'that is none of ours';
    watch.count(`a wake, of a recharge ${of}`);
    watch.tell(key, 'somebody says that the payment has changed');
    this.#queue.send({ key, woken: true });
  }
}

const keyOfFlight = (flight: { kind: string; request?: { rechargeKey: string } }) =>
  flight.request?.rechargeKey ?? '';
