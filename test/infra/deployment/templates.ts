import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { RelayStack } from '../../../infra/relay-stack.ts';
import { stageSettings } from '../../../infra/stages.ts';
import { readConfig } from '../../../shared/settings/config.ts';

/** The stack's own template; `useEmptyBundles` gives the functions. */
export function templateOf(stage: 'dev' | 'prod', locked: boolean): any {
  const app = new App({ builtinCloudFormationValidation: false });
  const config = readConfig('relay.config.example.json');
  const name = `recharge-relay-${stage}`;
  return Template.fromStack(
    new RelayStack(app, name, { stage: stageSettings(stage), config, locked }),
  ).toJSON();
}
