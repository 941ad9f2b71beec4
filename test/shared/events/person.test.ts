import { describe, expect, it } from 'vitest';
import type { RelayEvent } from '../../../shared/events/event.ts';
import { messageFor } from '../../../shared/events/person.ts';
import { eventsOfAlert, eventsOfRecharge } from '../../../shared/events/transitions.ts';
import { ALERTS } from '../../../shared/logger.ts';
import { grantMarkOf, REVIEW_REASONS } from '../../../shared/recharge/recharge.ts';
import { aRecharge, utc } from '../../support/builders.ts';

const AT = '2026-01-05T12:00:11.000Z';
const review = (given: Parameters<typeof aRecharge>[0] = {}) =>
  eventsOfRecharge(aRecharge(given), aRecharge({ phase: 'needs_review', version: 4, ...given }), AT);
const alert = (word: string, given: object = {}): RelayEvent[] => {
  const at = utc('2026-01-05 12:00');
  return eventsOfAlert(
    undefined,
    { id: 'a1', word, subject: 'charging', firstAt: at, lastAt: at, times: 1, ...given },
    AT,
  );
};

describe('what an operator is told', () => {
  it('of a review is what happened, to which recharge, and the command to paste', () => {
    expect(
      messageFor(review(), {
        stack: 'recharge-relay-prod',
        runbookUrl: 'https://git.example.com/RUNBOOK.md',
      }),
    ).toEqual({
      subject: 'recharge-relay-prod: grant_unknown: key-1',
      text: `A client has paid, and it is not known whether the credits were granted.

  recharge    key-1
  client      d***@example.com
  credits     500
  price       50.00 USD
  payment     pay_1
  grant mark  ${grantMarkOf(aRecharge({ grantNo: 1 }))}

To look at it, and to see what can be done:
  npx relay --stack recharge-relay-prod recharges show key-1

What to do: https://git.example.com/RUNBOOK.md#grant_unknown`,
    });
  });

  it('of a client that must act is the page to send it', () => {
    const acting = aRecharge({
      phase: 'charge_pending',
      actionUrl: 'https://pay.example.com/act/1',
      actBy: utc('2026-01-08 12:00'),
    });
    const { subject, text } = messageFor(eventsOfRecharge(aRecharge(), acting, AT), {}) ?? {};
    expect(subject).toBe('Recharge Relay: client_must_act: key-1');
    expect(text).toContain(
      '  its page    https://pay.example.com/act/1\n  until       2026-01-08T12:00:00.000Z\n',
    );
    expect(text).toContain('  npx relay recharges show key-1\n');
  });

  it('of an alert is what it is about; without a recharge, where all of them stand', () => {
    const { subject, text } =
      messageFor(alert('charging_paused', { detail: 'refused jane@example.com', times: 3 }), {
        stack: 'dev',
      }) ?? {};
    expect(subject).toBe('dev: charging_paused');
    expect(text).toBe(`No client is charged: grants cannot be made now.

  about       charging
  detail      refused j***@example.com
  raised      3 times since 2026-01-05T12:00:00.000Z

To look at it, and to see what can be done:
  npx relay --stack dev alerts

What to do: RUNBOOK.md#charging_paused`);
  });

  it.each([...REVIEW_REASONS, 'client_must_act'])(
    'of %s comes once: with the recharge, not with its alert',
    (word) => {
      expect(messageFor(alert(word, { key: 'key-1' }), {})).toBeUndefined();
    },
  );

  it('of every other alert comes, also of one that this version does not know', () => {
    const told = [...ALERTS, 'of_a_later_version'].filter(
      (word) => messageFor(alert(word), {}) !== undefined,
    );
    expect(told).toHaveLength(ALERTS.length - REVIEW_REASONS.length);
  });

  it('is nothing where nobody must act', () => {
    const done = eventsOfRecharge(aRecharge(), aRecharge({ phase: 'completed' }), AT);
    expect(
      messageFor([...done, ...eventsOfRecharge(aRecharge(), aRecharge({ phase: 'declined' }), AT)], {}),
    ).toBeUndefined();
    expect(messageFor([], {})).toBeUndefined();
  });

  it('of what comes together is one message', () => {
    const { subject, text } = messageFor([...review(), ...review({ key: 'key-2' })], { stack: 'dev' }) ?? {};
    expect(subject).toBe('dev: 2 things wait for a person');
    expect(text).toContain('recharges show key-1\n');
    expect(text).toContain('recharges show key-2\n');
  });

  it('has a subject that a mail can have, and a command that a shell takes, whatever the key', () => {
    const key = `straße "$(rm)" 'x' ${'long'.repeat(40)}`;
    const { subject = '', text } = messageFor(review({ key }), { stack: 'recharge-relay-prod' }) ?? {};
    expect(subject).toMatch(/^[ -~]{1,99}$/);
    expect(subject).toContain('stra?e');
    expect(text).toContain(`recharges show 'straße "$(rm)" '\\''x'\\'' long`);
  });
});
