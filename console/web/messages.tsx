import { type Data, useLive } from './live.ts';
import { Ago, Deed, Empty, Loaded, Page, Word } from './parts.tsx';
import { linkTo } from './route.ts';

type Message = Data<'messages'>['rows'][number];

/** By channel and contact, as a conversation. */
export function Messages({ query, readOnly }: { query: Record<string, string>; readOnly: boolean }) {
  const live = useLive('messages', query);
  return (
    <Page title="Messages">
      {query.contact === undefined && query.channel === undefined ? null : (
        <p>
          {`${query.channel ?? ''} ${query.contact ?? ''} `}
          <a href="/messages">Show all</a>
        </p>
      )}
      <Loaded live={live}>
        {({ rows, more }) => (
          <>
            {rows.length === 0 ? (
              <Empty>
                No message in the last three days. A channel is set up in <code>relay.config.json</code>; to
                try one: <code>npx relay channels test NAME</code>
              </Empty>
            ) : null}
            {[...conversations(rows)].map(([name, messages]) => (
              <section key={name} class="conversation" aria-label={name}>
                <h2>
                  <a
                    href={linkTo('/messages', {
                      channel: messages[0]?.channel,
                      contact: messages[0]?.contact,
                    })}
                  >
                    {name}
                  </a>
                </h2>
                <ol class="plain">
                  {messages.map((message) => (
                    <Bubble key={message.id} message={message} readOnly={readOnly} />
                  ))}
                </ol>
              </section>
            ))}
            {more ? <a href={linkTo('/messages', { ...query, after: rows.at(-1)?.id })}>Older</a> : null}
          </>
        )}
      </Loaded>
    </Page>
  );
}

function Bubble({ message, readOnly }: { message: Message; readOnly: boolean }) {
  const { id, direction, text, attachments, status, received_at: at, history } = message;
  const last = history.at(-1);
  return (
    <li class={`bubble ${direction}`}>
      <p>{text}</p>
      {attachments?.map((one, index) => (
        <p key={index} class="quiet">{`attachment: ${JSON.stringify(one)}`}</p>
      ))}
      <div class="quiet">
        {`${direction === 'incoming' ? 'from' : 'to'} ${message.contact} · `}
        <Word word={status} more={status === 'delivered' ? undefined : last?.detail} /> <Ago at={at} />{' '}
        <span class="id">{id}</span>
      </div>
      {!readOnly && (status === 'failed' || status === 'parked') ? (
        <Deed
          label="Send it again"
          deed="replay_message"
          body={{ id }}
          question={`Send this message to ${message.contact} on its way again?`}
          follows="What was delivered of it is not sent twice, where the chat system says what was."
        />
      ) : null}
    </li>
  );
}

/** The one that was written last comes first; in each the oldest message is above. */
function conversations(rows: Message[]): Map<string, Message[]> {
  const all = new Map<string, Message[]>();
  for (const row of rows) {
    const name = `${row.channel} · ${row.contact}`;
    all.set(name, [row, ...(all.get(name) ?? [])]);
  }
  return all;
}
