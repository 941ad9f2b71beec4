import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { read } from './live.ts';

/** What the runbook says about a reason, beside what it is about. */
export function Runbook({ word }: { word: string }) {
  const [text, setText] = useState<string>();
  useEffect(() => {
    let isOver = false;
    read('runbook', { word }).then(({ data }) => {
      if (!isOver) setText(data?.text);
    });
    return () => {
      isOver = true;
    };
  }, [word]);
  if (text === undefined) return null;
  return (
    <details class="runbook" open>
      <summary>{`The runbook: ${word.replaceAll('_', ' ')}`}</summary>
      {blocksOf(text).map((block) => (
        <Block key={block} text={block} />
      ))}
    </details>
  );
}

const blocksOf = (text: string): string[] => text.split(/\n{2,}/);

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
