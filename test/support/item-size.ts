/**
 * Bytes of an item as DynamoDB counts them for its capacity units and its 400 KB limit, the item as the
 * document client takes it.
 *
 * Source: Amazon DynamoDB Developer Guide, "DynamoDB item sizes and formats".
 */
export function itemSize(item: Record<string, unknown>): number {
  return Object.entries(item).reduce(
    (sum, [name, value]) => (value === undefined ? sum : sum + utf8(name) + valueSize(value)),
    0,
  );
}

function valueSize(value: unknown): number {
  switch (typeof value) {
    case 'string':
      return utf8(value);
    case 'number':
      return numberSize(value);
    case 'boolean':
      return 1;
    case 'object':
      if (value === null) return 1;
      // 3 bytes for a list or map, and 1 more for each of its elements.
      if (Array.isArray(value))
        return value.reduce((sum: number, element) => sum + 1 + valueSize(element), 3);
      return 3 + Object.values(value).filter((held) => held !== undefined).length + itemSize({ ...value });
    default:
      throw new Error(`A row holds no ${typeof value}.`);
  }
}

/**
 * The guide says "approximately": one byte per two significant digits, and one more. An even number of
 * digits may lie across the pairs; counted here as if it did. So this is never too small.
 */
function numberSize(value: number): number {
  const digits = String(Math.abs(value))
    .replace('.', '')
    .replace(/^0+|0+$/g, '');
  return 2 + Math.floor(digits.length / 2) + (value < 0 ? 1 : 0);
}

const utf8 = (text: string) => Buffer.byteLength(text, 'utf8');
