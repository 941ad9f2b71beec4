import { buildFunctions, configFile, sayingFaults } from './build.ts';
import { readStageConfig } from './config.ts';
import { askedOfApp } from './stages.ts';

await sayingFaults(async () => {
  const { stage, locked, strict } = askedOfApp(process.env);
  const file = configFile(stage.name);
  const config = readStageConfig(file);
  // esbuild is a process of its own: it works while CDK is loaded here, which takes a second.
  const [{ ruledApp, synthesise }, { RelayStack }] = await Promise.all([
    import('./assembly.ts'),
    import('./relay-stack.ts'),
    buildFunctions(file),
  ]);
  const app = ruledApp({ strict });
  new RelayStack(app, `recharge-relay-${stage.name}`, { stage, config, locked });
  synthesise(app, { strict });
});
