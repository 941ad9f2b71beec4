import { type Order, SECRET, webhook } from '../programs.ts';
import { rowOf } from '../world.ts';
import { DAY, HOUR, MINUTE, NEXT_SECRET, type Sending } from './plan.ts';
import { resultOf, type Stage } from './stage.ts';

/** The platform sends again what was not accepted. */
const SENT_AGAIN_MS = [MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 3 * HOUR, 8 * HOUR, DAY];

/** The platform, which sends webhooks until they are accepted, and those who pretend to be it. */
export class Sender {
  readonly #stage: Stage;
  readonly #secretChangesAt: number;

  constructor(stage: Stage) {
    this.#stage = stage;
    const { startsAt, quietAt } = stage.plan;
    this.#secretChangesAt = stage.around.random.between(startsAt, quietAt);
  }

  begin(): void {
    const { plan, around } = this.#stage;
    for (const sending of plan.sendings) around.agenda.at(sending.at, () => this.#send(sending, 0));
  }

  #send({ order, kind }: Pick<Sending, 'order' | 'kind'>, times: number): void {
    const { around, watch } = this.#stage;
    const { agenda } = around;
    const secret = agenda.now < this.#secretChangesAt ? SECRET : NEXT_SECRET;
    const signed: Order = { ...order, ...(order.forged ? {} : { secret }) };
    watch.count(`webhook ${kind}${times > 0 ? ' again' : ''}`);
    watch.tell(order.key, `the platform sends the webhook (${kind})`);
    const ended = (status: unknown) => {
      watch.count(`webhook answered ${status ?? 'no answer'}`);
      if (typeof status === 'number' && status < 500) {
        this.#answered(order, kind, status);
        return;
      }
      const waitMs = SENT_AGAIN_MS[times];
      if (kind === 'first' && waitMs !== undefined)
        agenda.in(waitMs, () => this.#send({ order, kind }, times + 1));
    };
    this.#stage.start(
      'webhook',
      order.key,
      (name, setup) => webhook(name, signed, setup),
      (end) => ended(resultOf(end)),
    );
  }

  #answered({ key }: Order, kind: Sending['kind'], status: number): void {
    const { watch, around } = this.#stage;
    if (kind === 'forged' ? status !== 401 : status === 401)
      watch.violated(`I8: the webhook (${kind}) was answered ${status}`, key);
    if (status < 300 && !rowOf(around.world, key))
      watch.violated('I5: the webhook was accepted, and there is no row', key);
  }
}
