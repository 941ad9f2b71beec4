import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { type Data, read } from './live.ts';
import { Page } from './parts.tsx';

/** What the runbook says, in the order in which it is needed: what to look at, what to do, and what it is. */
export function Runbook({ word, isFolded = false }: { word: string; isFolded?: boolean }) {
  const [known, setKnown] = useState<{ word: string; section?: Section | undefined }>();
  useEffect(() => {
    let isOver = false;
    read('runbook', { word }).then(({ data }) => {
      if (!isOver) setKnown({ word, section: data?.section });
    });
    return () => {
      isOver = true;
    };
  }, [word]);
  const section = known?.word === word ? known.section : undefined;
  if (section === undefined) return null;
  return (
    <details class="runbook" open={!isFolded}>
      <summary>{`The runbook: ${word.replaceAll('_', ' ')}`}</summary>
      <p class="part">What to look at</p>
      <Blocks text={section.investigation} />
      <p class="part">What to do</p>
      <Blocks text={section.resolution} />
      <details>
        <summary>What it is, and what the relay does by itself</summary>
        <Blocks text={section.description} />
      </details>
    </details>
  );
}

/** Of an alert that is about no single recharge. */
export const RunbookPage = ({ word }: { word: string }) => (
  <Page title={`The runbook: ${word.replaceAll('_', ' ')}`}>
    <Runbook word={word} />
  </Page>
);

type Section = NonNullable<Data<'runbook'>['section']>;

const Blocks = ({ text }: { text: string }) =>
  text.split(/\n{2,}/).map((block) => <Block key={block} text={block} />);

/** A paragraph, a list, or a table as its lines: the runbook has nothing else. */
function Block({ text }: { text: string }) {
  if (text.startsWith('- ')) {
    const items = text.split(/\n(?=- )/).map((item) => item.slice(2));
    return (
      <ul>
        {items.map((item) => (
          <li key={item}>{inline(item)}</li>
        ))}
      </ul>
    );
  }
  if (text.startsWith('|')) {
    const rows = text
      .split('\n')
      .filter((line) => !/^\|[-|\s]+$/.test(line))
      .map((line) => line.split('|').slice(1, -1));
    return (
      <table>
        <tbody>
          {rows.map((cells) => (
            <tr key={cells.join()}>
              {cells.map((cell) => (
                <td key={cell}>{inline(cell.trim())}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    );
  }
  if (text.startsWith('```')) return <pre>{text.replaceAll(/^```\w*\n?/gm, '')}</pre>;
  return <p>{inline(text)}</p>;
}

/** Bold, code, and links as their words. */
function inline(text: string): ComponentChildren[] {
  const plain = text.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1');
  return plain.split(/(\*\*[^*]+\*\*|`[^`]+`)/).map((part) => {
    if (part.startsWith('**')) return <strong key={part}>{part.slice(2, -2)}</strong>;
    return part.startsWith('`') ? <code key={part}>{part.slice(1, -1)}</code> : part;
  });
}
