import { watchedExplorer } from './planting.ts';

/** A process that explores one scenario, whose name it is given, and tells its parent what was found. */
const [name] = process.argv.slice(2);
const { explore, SHORT, SCENARIOS, seen } = await watchedExplorer();
const list = process.argv.includes('--short') ? SHORT : SCENARIOS;
const scenario = list.find((other) => other.name === name);
if (!scenario) throw new Error(`There is no scenario ${name}.`);

const startedAt = Date.now();
const progress = (states: number, depth: number) => process.send?.({ states, depth });
const found = await explore(scenario, { progress });
process.send?.({ ...found, seen: [...seen], seconds: (Date.now() - startedAt) / 1_000 });
process.disconnect();
