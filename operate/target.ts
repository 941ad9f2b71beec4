/** Which relay a person speaks of, and where it is looked for. */
export interface Target {
  /** The name of a stack on AWS, such as recharge-relay-prod; undefined: the relay that `npm start` runs here. */
  stack: string | undefined;
  /** The environment of the process, which may name a folder, a configuration, and parts of a relay. */
  env: NodeJS.ProcessEnv;
}

/** The stage of a stack: its configuration is `relay.config.<stage>.json`. */
export const stageOf = (stack: string) => stack.replace(/^recharge-relay-/, '');
