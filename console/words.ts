/** What the buttons of a client's page say: the runbook names them, too. */
export const CLIENT_DEEDS = {
  start: 'Start a recharge',
  set: 'Change settings',
  invite: 'Invite to save a card',
  link: 'Link what is saved at Stripe',
  suspend: 'Suspend',
  enable: 'Enable',
} as const;

/** And those of Overview. */
export const CHARGING_DEEDS = { pause: 'Pause charging', resume: 'Resume charging' } as const;
