/**
 * Arrows point down: which room may import which. `npm run structure` holds it; docs/architecture.md draws it.
 *
 * dependency-cruiser reads TypeScript with swc here, because TypeScript 7 no longer has the API it would use.
 */
import type { IConfiguration } from 'dependency-cruiser';

type Rule = NonNullable<IConfiguration['forbidden']>[number];

/** Every folder of ours, today's and those to come. Packages and Node's own modules are not in question. */
const OURS = '^(bench|bin|cli|console|examples|functions|infra|local|operate|proof|shared|test)/';

/** Nothing in `from` imports anything of ours but `allowed`. */
const onlyFrom = (name: string, from: string, allowed: string[], comment: string): Rule => ({
  name,
  comment,
  severity: 'error',
  from: { path: from },
  to: { path: OURS, pathNot: allowed },
});

/** Nothing in `from` imports anything in `to`. */
const never = (name: string, from: string, to: string, comment: string): Rule => ({
  name,
  comment,
  severity: 'error',
  from: { path: from },
  to: { path: to },
});

const LEAVES = '^shared/[^/]+\\.ts$';
const PURE = [
  '^shared/recharge/machine(/|\\.ts$)',
  '^shared/(backoff|history|money)\\.ts$',
  '^shared/recharge/(recharge|counterparty)\\.ts$',
];

const config: IConfiguration = {
  forbidden: [
    onlyFrom(
      'shared-is-the-ground',
      '^shared/',
      ['^shared/'],
      'Everything stands on shared/, so it knows none of it.',
    ),
    never(
      'leaves-know-no-room',
      LEAVES,
      '^shared/[^/]+/',
      'A loose file of shared/ serves every room, so it knows none.',
    ),
    never(
      'outside-and-storage-know-no-business',
      '^shared/(incoming|payments|platform|storage)/',
      '^shared/(recharge|channels)/',
      'The payment hook, the platform, what comes in and what keeps serve recharges and messages, and know neither.',
    ),
    never(
      'payments-and-platform-apart',
      '^shared/(payments|platform)/',
      '^shared/(?!$1/)[^/]+/',
      'The payment endpoint and the platform are two parties. Each room needs the loose files of shared/ alone.',
    ),
    never(
      'config-is-gathered-on-top',
      '^shared/(?!settings/config-in-use\\.ts$)',
      '^shared/settings/config\\.ts$',
      'config.ts gathers the schemas of all rooms. A room takes the section that it uses, and never the whole.',
    ),
    never(
      'settings-know-no-room',
      '^shared/settings/(?!config(-in-use)?\\.ts)',
      '^shared/(channels|incoming|payments|platform|recharge)/',
      'Secrets, environment and the reading of files serve every room. Only config.ts, and what reads a configuration in use, knows what rooms are set up with.',
    ),
    never(
      'recharges-know-no-channels',
      '^shared/recharge/',
      '^shared/channels/',
      'Recharges and messages share nothing but the rooms below them.',
    ),
    never(
      'channels-know-no-recharges',
      '^shared/channels/',
      '^shared/recharge/',
      'Recharges and messages share nothing but the rooms below them.',
    ),
    never(
      'events-come-afterwards',
      '^shared/(?!events/|settings/config\\.ts$)',
      '^shared/events/',
      'Events are read from the table when all is done. What charges, grants and relays knows nothing of them.',
    ),
    never(
      'books-are-read-afterwards',
      '^shared/(?!books/|settings/config\\.ts$)',
      '^shared/books/',
      'The books are read from what is stored. What charges and grants knows nothing of them.',
    ),
    {
      name: 'the-machine-is-pure',
      comment: 'The machine decides. It imports types, and the few modules that only calculate.',
      severity: 'error',
      from: { path: PURE[0] ?? '' },
      to: { pathNot: PURE, dependencyTypesNot: ['type-only'] },
    },
    onlyFrom(
      'functions-stand-alone',
      '^functions/([^/]+)/',
      ['^shared/', '^functions/$1/'],
      'A Lambda function is its own folder and shared/. What two of them need belongs into shared/.',
    ),
    never(
      'entry-points-are-not-imported',
      '.',
      '^functions/[^/]+/index\\.ts$',
      'An index.ts reads its environment when it is loaded. Import the handler, and give it what it needs.',
    ),
    onlyFrom(
      'local-runs-the-functions',
      '^local/',
      ['^local/', '^shared/', '^functions/[^/]+/(deps|env|handler)\\.ts$'],
      'npm start puts the handlers on this machine. It knows no command and no stack.',
    ),
    onlyFrom(
      'the-sandbox-is-the-other-side',
      '^local/sandbox/',
      ['^local/sandbox/', '^local/child-process\\.ts$', LEAVES],
      'The sandbox plays the platform. With the code of the relay it would agree with the mistakes of the relay.',
    ),
    onlyFrom(
      'operate-stands-on-shared',
      '^operate/',
      ['^operate/', '^shared/', '^local/(aws|policy|state)\\.ts$'],
      'A deed works on the table and the queue. Of npm start it knows where those are, and how it waits.',
    ),
    onlyFrom(
      'commands-stand-on-operate',
      '^(cli|console)/',
      ['^$1/', '^operate/', '^shared/', '^local/(child-process|demo-life|log-file|state)\\.ts$'],
      'A command or page reads what it is given, calls operate/ and shows what comes.',
    ),
    {
      name: 'commands-show-and-do-not-do',
      comment:
        'Types, words and texts of shared/ may be shown. What reads or writes is a deed, and lives in operate/.',
      severity: 'error',
      from: { path: '^(cli|console)/' },
      to: {
        path: '^shared/[^/]+/|^node_modules/@aws-sdk/',
        pathNot: [
          '^shared/[^/]+/(account|answers|difference|message|money-moves|next-step|payment-method|phone|present|pricing|receipt|recharge|schemas|settings)\\.ts$',
          '^shared/incoming/(capture|quarantine)\\.ts$',
        ],
        dependencyTypesNot: ['type-only'],
      },
    },
    onlyFrom(
      'the-linked-command-only-starts-it',
      '^bin/',
      ['^bin/', '^cli/process\\.ts$'],
      'What npm links as `relay` starts the command line, and is nothing else.',
    ),
    onlyFrom(
      'the-stack-knows-what-functions-need',
      '^infra/',
      ['^infra/', '^shared/', '^functions/[^/]+/env\\.ts$'],
      'The stack gives each function the environment that its env.ts asks for, and knows nothing else of it.',
    ),
    onlyFrom(
      'measurements-are-outside',
      '^(bench|proof)/',
      ['^(bench|proof)/', '^functions/', '^local/', '^operate/', '^shared/'],
      'Measurements and proofs use what they measure.',
    ),
    onlyFrom(
      'examples-stand-alone',
      '^examples/',
      ['^examples/'],
      'An example is copied into a repository of somebody else. There is nothing of ours there.',
    ),
    {
      name: 'http-is-asked-for',
      comment:
        'An import of node:http loads undici with it: 30 ms of each start. shared/node-http.ts has what we use.',
      severity: 'error',
      from: { path: '^(cli|functions|local|operate|shared)/' },
      to: { path: '^(node:)?http$', dependencyTypesNot: ['type-only'] },
    },
    never(
      'settings-know-no-phone-numbers',
      '^shared/.+settings\\.ts$',
      '^shared/platform/phone\\.ts$',
      'The numbers of the world are ninety files, and every process and command reads settings at its start.',
    ),
    {
      name: 'every-folder-has-its-rules',
      comment: 'A new folder says here what it may import.',
      severity: 'error',
      from: { path: '/', pathNot: [OURS, '^node_modules/'] },
      to: {},
    },
    {
      name: 'nothing-imports-tests',
      comment: 'What the product needs does not live in test/.',
      severity: 'error',
      from: { pathNot: '^test/' },
      to: { path: '^test/' },
    },
    {
      name: 'no-circles',
      comment: 'Two files that import each other are one file, or a third is missing.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
  ],
  options: {
    doNotFollow: '^node_modules/',
    exclude: '^(cdk\\.out|coverage|dist|\\.local|\\.stryker)/',
    parser: 'swc',
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node'],
    },
  },
};

export default config;
