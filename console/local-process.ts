import { runAsProcess } from '../local/child-process.ts';
import { connect } from '../operate/connection.ts';
import { whoRuns } from '../operate/who.ts';
import { createLogger } from '../shared/logger.ts';
import { startConsole } from './server.ts';

/** The console of the relay that `npm start` runs, as one of its processes. */
await runAsProcess(async () => {
  const target = { stack: undefined, env: process.env };
  const connection = await connect(target, { logger: createLogger(() => {}), now: Date.now });
  return startConsole({ connection, target, readOnly: false, who: whoRuns() });
});
