import { askedOfApp, ruledApp, synthesise } from './assembly.ts';
import { buildFunctions, configFile, sayingFaults } from './build.ts';
import { readStageConfig } from './config.ts';
import { RelayStack } from './relay-stack.ts';

await sayingFaults(async () => {
  const { stage, locked, strict } = askedOfApp(process.env);
  const file = configFile(stage.name);
  const config = readStageConfig(file);
  await buildFunctions(file);
  const app = ruledApp({ strict });
  new RelayStack(app, `recharge-relay-${stage.name}`, { stage, config, locked });
  synthesise(app, { strict });
});
