import { runAsProcess } from '../local/child-process.ts';
import { createLogFile } from '../local/log-file.ts';
import { localFile } from '../local/state.ts';
import { connect } from '../operate/connection.ts';
import { whoActs } from '../operate/who.ts';
import { createLogger } from '../shared/logger.ts';
import { startConsole } from './server.ts';

/** The console of the relay that `npm start` runs, as one of its processes. */
await runAsProcess(async () => {
  const target = { stack: undefined, env: process.env };
  const log = createLogFile(localFile(process.env, 'relay.log'));
  const connection = await connect(target, { logger: createLogger(log), now: Date.now });
  return startConsole({ connection, target, readOnly: false, who: await whoActs(target) });
});
