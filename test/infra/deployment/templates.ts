import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { RelayStack } from '../../../infra/relay-stack.ts';
import { stageSettings } from '../../../infra/stages.ts';
import { readConfig } from '../../../shared/settings/config.ts';

/** Each takes a third of a second, and files of one worker share them. */
const made = new Map<string, { template: any; isProtected: boolean }>();

/** The stack's own template, and whether CDK protects the stack. `useEmptyBundles` gives the functions. */
export function stackOf(stage: 'dev' | 'prod', locked: boolean) {
  const key = `${stage} ${locked}`;
  const known = made.get(key);
  if (known) return known;
  const app = new App({ builtinCloudFormationValidation: false });
  const config = readConfig('relay.config.example.json');
  const name = `recharge-relay-${stage}`;
  const stack = new RelayStack(app, name, { stage: stageSettings(stage), config, locked });
  const isProtected = stack.terminationProtection ?? false;
  const fresh = { template: Template.fromStack(stack).toJSON(), isProtected };
  made.set(key, fresh);
  return fresh;
}
