import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { buildFunctions, configFile, sayingFaults } from './build.ts';
import { readStageConfig } from './config.ts';
import { RelayStack } from './relay-stack.ts';
import { stageSettings } from './stages.ts';

await sayingFaults(async () => {
  const stage = stageSettings(process.env.RELAY_STAGE ?? 'dev');
  const file = configFile(stage.name);
  const config = readStageConfig(file);
  await buildFunctions(file);

  const app = new App();
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  new RelayStack(app, `recharge-relay-${stage.name}`, { stage, config });
  app.synth();
});
