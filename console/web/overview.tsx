import { CHARGING_DEEDS } from '../words.ts';
import { type Data, useLive, usePolled } from './live.ts';
import { Numbers } from './numbers.tsx';
import { Ago, ClientLink, Deed, Loaded, Page, RechargeLink, Word } from './parts.tsx';
import { linkTo } from './route.ts';

export function Overview({ query, readOnly }: { query: Record<string, string>; readOnly: boolean }) {
  const status = useLive('status');
  const { data: channels } = usePolled('channels', 60_000);
  return (
    <Page title="Overview">
      <Loaded live={status}>
        {(now) => (
          <>
            <Answers status={now} readOnly={readOnly} />
            <Alerts alerts={now.alerts} />
          </>
        )}
      </Loaded>
      <Numbers range={query.range} />
      <Loaded live={status}>{(now) => <Works status={now} channels={channels} />}</Loaded>
    </Page>
  );
}

type Status = Data<'status'>;

/** A part that could not be read says why. */
const isReadable = <Part,>(part: Part): part is Exclude<Part, { unreadable: string }> =>
  typeof part !== 'object' || part === null || !('unreadable' in part);

const Unreadable = ({ part }: { part: unknown }) => (
  <p class="failure">{`This could not be read: ${Object(part).unreadable}`}</p>
);

function Answers({ status, readOnly }: { status: Status; readOnly: boolean }) {
  const { charging, waiting } = status;
  return (
    <div class="answers">
      <section aria-labelledby="moving">
        <h2 id="moving">Is money moving?</h2>
        {isReadable(charging) ? (
          <Charging charging={charging} readOnly={readOnly} />
        ) : (
          <Unreadable part={charging} />
        )}
      </section>
      <section aria-labelledby="stuck">
        <h2 id="stuck">Is anything stuck?</h2>
        {isReadable(waiting) ? <Waiting waiting={waiting} /> : <Unreadable part={waiting} />}
      </section>
    </div>
  );
}

function Charging({
  charging,
  readOnly,
}: {
  charging: Exclude<Status['charging'], { unreadable: string }>;
  readOnly: boolean;
}) {
  if (!charging?.paused) {
    return (
      <>
        <p class="big good">Yes. Charging is on.</p>
        {readOnly ? null : (
          <Deed
            label={CHARGING_DEEDS.pause}
            deed="pause"
            note
            question="Stop charging all clients?"
            follows="No new charge begins. Webhooks are still accepted, and wait. What is paid is granted."
          />
        )}
      </>
    );
  }
  return (
    <>
      <p class="big bad">No. Charging is paused.</p>
      <p>
        {charging.reason}
        <br />
        <span class="quiet">
          {charging.by === undefined ? 'by the relay itself' : `by ${charging.by}`},{' '}
          <Ago at={charging.since} />
          {charging.until === undefined ? ', until somebody resumes it' : ', goes on by itself '}
          <Ago at={charging.until} />
        </span>
      </p>
      {readOnly ? null : (
        <Deed
          label={CHARGING_DEEDS.resume}
          deed="resume"
          question="Let charges begin again?"
          follows="Recharges that wait come back by themselves within 15 minutes."
        />
      )}
    </>
  );
}

function Waiting({ waiting }: { waiting: Exclude<Status['waiting'], { unreadable: string }> }) {
  if (waiting === null) return null;
  const { reviews, oldest_review: oldest, groups, more } = waiting;
  const total = groups.reduce((sum, { count }) => sum + count, 0);
  return (
    <>
      {reviews === 0 ? (
        <p class="big good">{total === 0 ? 'No. Nothing waits.' : 'No. Nobody needs to act.'}</p>
      ) : (
        <p class="big bad">
          <a href="/reviews">{`Yes. ${reviews}${more ? ' or more' : ''} ${reviews === 1 ? 'waits' : 'wait'} for a person.`}</a>
        </p>
      )}
      {oldest === undefined ? null : (
        <p>
          The oldest, since <Ago at={oldest.since} />: <RechargeLink id={oldest.key} />
        </p>
      )}
      {groups.length === 0 ? null : (
        <ul class="plain">
          {groups.map(({ phase, reason, count, oldest_at: at }) => (
            <li key={phase + reason}>
              <a href={linkTo('/recharges', { phase, ...(phase === 'needs_review' ? { reason } : {}) })}>
                {count}
              </a>{' '}
              <Word word={phase} more={reason} />{' '}
              <span class="quiet">
                oldest <Ago at={at} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

function Alerts({ alerts }: { alerts: Status['alerts'] }) {
  if (!isReadable(alerts)) return <Unreadable part={alerts} />;
  if (alerts === null || alerts.length === 0) return null;
  const rest = alerts.slice(MOST_ALERTS);
  return (
    <section aria-labelledby="alerts">
      <h2 id="alerts">Open alerts</h2>
      <AlertRows alerts={alerts.slice(0, MOST_ALERTS)} />
      {rest.length === 0 ? null : (
        <details>
          <summary>{`and ${rest.length} more`}</summary>
          <AlertRows alerts={rest} />
        </details>
      )}
    </section>
  );
}

const MOST_ALERTS = 8;

const AlertRows = ({ alerts }: { alerts: Exclude<Status['alerts'], { unreadable: string } | null> }) => (
  <ul class="plain rows">
    {alerts.map(({ id, word, meaning, key, email, last_at: at, times }) => (
      <li key={id}>
        <a href={linkTo('/runbook', { word })}>
          <strong>{word.replaceAll('_', ' ')}</strong>
        </a>{' '}
        {meaning} {email === undefined ? null : <ClientLink email={email} />}{' '}
        {key === undefined ? null : <RechargeLink id={key} />}{' '}
        <span class="quiet">
          {times > 1 ? `${times} times, last ` : ''}
          <Ago at={at} />
        </span>
      </li>
    ))}
  </ul>
);

/** What is behind the scenes. */
function Works({ status, channels }: { status: Status; channels: Data<'channels'> | undefined }) {
  const { queues, quarantined, webhooks, last_sweep: sweep } = status;
  return (
    <section aria-labelledby="works">
      <h2 id="works">Behind it</h2>
      <dl class="facts">
        <div>
          <dt>Webhooks, last hour</dt>
          <dd>
            {isReadable(webhooks) && webhooks
              ? `${webhooks.accepted} accepted, ${webhooks.kept_aside} kept aside, ${webhooks.refused.reduce((sum, { count }) => sum + count, 0)} refused`
              : 'not readable'}
          </dd>
        </div>
        <div>
          <dt>Kept aside</dt>
          <dd>
            {isReadable(quarantined) && quarantined ? (
              <a href="/deliveries">{`${quarantined.count}${quarantined.more ? ' or more' : ''}`}</a>
            ) : (
              'not readable'
            )}
          </dd>
        </div>
        {isReadable(queues) && queues
          ? queues.map(({ queue: name, waiting, dead_letters: dead }) => (
              <div key={name}>
                <dt>{`Queue of ${name}`}</dt>
                <dd>{`${waiting} wait, ${dead} dead letters`}</dd>
              </div>
            ))
          : null}
        {channels?.channels.map(({ channel, delivered, waiting, failed }) => (
          <div key={channel}>
            <dt>
              {'Channel '}
              <a href={linkTo('/messages', { channel })}>{channel}</a>
            </dt>
            <dd>
              {`${delivered} delivered, ${waiting} wait, `}
              <span class={failed > 0 ? 'bad' : ''}>{`${failed} failed`}</span>{' '}
              <span class="quiet">{channels.more ? 'of the newest 200 of a day' : 'in a day'}</span>
            </dd>
          </div>
        ))}
        <div>
          <dt>Last sweep</dt>
          <dd>{isReadable(sweep) && sweep ? <Ago at={sweep.at} /> : 'none yet'}</dd>
        </div>
      </dl>
    </section>
  );
}
