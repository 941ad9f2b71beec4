import { describe, expect, it } from 'vitest';
import {
  atEveryCall,
  expectToAgree,
  PATHS,
  type PathName,
  pathNames,
  useLives,
  WRITES,
} from '../../support/life.ts';
import type { Mishap } from '../../support/ports.ts';

const inALife = useLives();

/** Where a process that stops, or a call that throws, leaves a grant that nobody can say was made. */
const LEAVES_GRANT_UNKNOWN: Record<Mishap, string[]> = {
  before: ['platform.prepareGrant', 'platform.grant', 'ledger.write'],
  after: [],
  'answer lost': [],
  'throws before': ['platform.grant'],
  'throws after': ['platform.grant'],
};

/** And where grants stand in the usage export: one that was made is found there, unless that call fails, too. */
const LEAVES_GRANT_UNFOUND: Record<Mishap, string[]> = {
  before: ['platform.prepareGrant', 'platform.grant'],
  after: [],
  'answer lost': [],
  'throws before': ['platform.grant', 'platform.findGrant'],
  'throws after': ['platform.findGrant'],
};

/** A call that throws is met in four paths: with them every port call there is. */
const WITH_THROWS: PathName[] = [
  'granted',
  'unknown, and found in the usage export',
  'declined, and paid by the second attempt',
  'refused, and refunded automatically in two days',
];

function askedEverywhere(name: PathName, mishap: Mishap) {
  const { length } = PATHS[name].calls;
  const only = (port: string, n: number) => {
    if (mishap === 'answer lost') return WRITES.includes(port);
    // To stop after a call is to stop before the next one, but for the last.
    return mishap !== 'after' || n === length;
  };
  const attempt = (n: number) =>
    inALife({ name, mishap, n }, async (life, first) => {
      await life.goOn();
      expect(first.calls[n - 1]).toBe(PATHS[name].calls[n - 1]);
      await expectToAgree(life);
      return life.asked;
    });
  return atEveryCall(name, attempt, only);
}

describe('a recharge that nothing disturbs goes its way:', () => {
  it.each(pathNames)('%s', (name) =>
    inALife({ name }, async (life, first) => {
      await life.goOn();
      await expectToAgree(life);
      expect(first.calls).toEqual(PATHS[name].calls);
    }),
  );
});

describe.each([
  ['stops before any one of its calls', 'before', pathNames],
  ['stops after the last of its calls', 'after', pathNames],
  ['loses the answer to any one of its writes, and finds the write made', 'answer lost', pathNames],
  ['has any one of its calls fail, not made', 'throws before', WITH_THROWS],
  ['has any one of its calls fail, though it is made', 'throws after', WITH_THROWS],
] as const)('where a process %s, the recharge still ends as it should:', (_, mishap, names) => {
  it.each(names)('%s', async (name) => {
    const everywhere = await askedEverywhere(name, mishap);
    // A person is asked where nobody else can know, and nowhere else.
    const unknown = everywhere.filter(({ found }) => found.includes('grant_unknown'));
    const { calls } = PATHS[name];
    const leaves = calls.includes('platform.findGrant') ? LEAVES_GRANT_UNFOUND : LEAVES_GRANT_UNKNOWN;
    // A run that did not reserve reads the account between its intent to grant and the grant.
    const reads = calls[calls.indexOf('platform.prepareGrant') - 1] === 'ledger.readAccount';
    const first = mishap === 'before' && reads ? ['ledger.readAccount'] : [];
    expect(unknown.map(({ port }) => port)).toEqual(
      calls.includes('platform.grant') ? [...first, ...leaves[mishap]] : [],
    );
    const asked = name === 'refused, and refunded as a person says' ? ['grant_refused'] : [];
    for (const { found } of everywhere) {
      expect(found).toEqual(found.includes('grant_unknown') ? ['grant_unknown'] : asked);
    }
  });
});

describe('a webhook that is not sent again', () => {
  it.each([
    ['after the claim', 'after', 1],
    ['before the queue', 'before', 2],
  ] as const)('is not lost where its process stops %s', (_, mishap, n) =>
    inALife({ name: 'granted', mishap, n }, async (life) => {
      await life.goOn({ untilStopped: true });
      life.forgetWebhook();
      await life.goOn();
      await expectToAgree(life);
    }),
  );
});
