#!/usr/bin/env node
// `npx` and npm's scripts find the Node of this checkout first. Any other Node hands over to it, because a Node
// before 22.18 does not run TypeScript.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const inCheckout = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const pinned = inCheckout(`node_modules/node/bin/node${process.platform === 'win32' ? '.exe' : ''}`);

if (process.features.typescript) {
  await import('../preflight.mjs');
  await import('../cli/process.ts');
} else if (existsSync(pinned)) {
  const { status } = spawnSync(pinned, process.argv.slice(1), { stdio: 'inherit' });
  process.exitCode = status ?? 1;
} else {
  process.stderr.write(`Run npm ci in ${inCheckout('')} first: it brings the Node that this runs on.\n`);
  process.exitCode = 1;
}
