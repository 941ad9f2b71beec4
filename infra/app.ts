import { askedOfApp, relayApp, synthesise } from './assembly.ts';
import { buildFunctions, configFile, sayingFaults } from './build.ts';
import { readStageConfig } from './config.ts';

await sayingFaults(async () => {
  const asked = askedOfApp(process.env);
  const file = configFile(asked.stage.name);
  const config = readStageConfig(file);
  await buildFunctions(file);
  synthesise(relayApp({ ...asked, config }), asked);
});
