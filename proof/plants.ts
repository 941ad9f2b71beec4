/** A bug that is planted into a copy of one file of the product, to see whether it is found. */
export interface Bug {
  name: string;
  file: string;
  /** Stands in the file exactly once. */
  line: string;
  instead: string;
}

export interface Plant extends Bug {
  /** The scenario that must find it, by its name: the short one, where there is one. */
  scenario: string;
}

const MACHINE = 'shared/recharge/machine';

/** Each is one line, and was a rule of the protocol before. */
export const PLANTS: readonly Plant[] = [
  {
    name: 'the grant is sent whatever the time is',
    file: 'shared/recharge/perform.ts',
    line: 'const inTime = now() + policy.grantCallMs <= grantDeadline && step.mayBegin(policy.grantCallMs);',
    instead: 'const inTime = true;',
    scenario: 'sleeps before a grant',
  },
  {
    name: 'whoever finds the row in granting sends the grant',
    file: `${MACHINE}/grant.ts`,
    line: "if (row.grantToken === at.token) return { effect: 'grant' };",
    instead: "return { effect: 'grant' };",
    scenario: 'one fault',
  },
  {
    name: 'a payment that two workers learn of is granted by both',
    file: `${MACHINE}/payment.ts`,
    line: "return outcome.result.kind === 'paid' && row.grantToken === at.token ? { effect: 'grant' } : stop;",
    instead: "return outcome.result.kind === 'paid' ? { effect: 'grant' } : stop;",
    scenario: 'two workers',
  },
  {
    name: 'a write that lost is taken for made',
    file: 'shared/recharge/run-recharge.ts',
    line: "if (written.kind === 'conflict' && !isSameWrite(before, decision.next, written.row)) continue;",
    instead: '',
    scenario: 'two workers',
  },
  {
    name: 'no answer to a grant is believed to mean not granted',
    file: 'shared/recharge/perform.ts',
    line: "await call.send().catch((error: unknown): GrantResult => ({ kind: 'unknown', detail: String(error) })),",
    instead:
      "await call.send().then((r): GrantResult => (r.kind === 'unknown' ? { kind: 'not_applied', detail: r.detail } : r)),",
    scenario: 'one fault',
  },
  {
    name: 'no answer to a charge is believed to mean declined',
    file: 'shared/recharge/perform.ts',
    line: "return { kind: 'payment', attempt: row.attempt, asked: 'charge', result, frozen };",
    instead:
      "return { kind: 'payment', attempt: row.attempt, asked: 'charge', frozen, result: result.kind === 'unknown' ? { kind: 'declined', reason: 'silent', retryable: false } : result };",
    scenario: 'one fault',
  },
  {
    name: 'not found is final at once',
    file: `${MACHINE}/payment.ts`,
    line: 'if (notFoundIsFinal(row, at)) {',
    instead: 'if (row.attempt > 0) {',
    scenario: 'late charge',
  },
  {
    name: 'each charge has a key of its own',
    file: 'shared/recharge/recharge.ts',
    line: 'return chargeIdPrefixOf(recharge) + recharge.attempt;',
    instead: 'return chargeIdPrefixOf(recharge) + recharge.version;',
    scenario: 'one fault',
  },
  {
    name: 'a person may say at once that nothing was granted',
    file: 'shared/recharge/answers.ts',
    line: 'return row.grantDeadline === undefined ? undefined : row.grantDeadline + policy.settleMs;',
    instead: 'return row.grantDeadline;',
    scenario: 'person',
  },
  {
    name: 'a person may say at once that nothing was charged',
    file: 'shared/recharge/answers.ts',
    line: "return isOpen && awaitsCounterparty(row) ? ['confirm-not-charged'] : [];",
    instead: 'return [];',
    scenario: 'late charge, new endpoint',
  },
  {
    name: 'another payment endpoint is asked',
    file: `${MACHINE}/parties.ts`,
    line: 'if (isSameParty(began, at.parties[asks])) return decision;',
    instead: 'return decision;',
    scenario: 'new endpoint',
  },
  {
    name: 'a refusal is judged again',
    file: 'shared/recharge/reserve.ts',
    line: 'if (found) return outcomeOf(row, account, found, false);',
    instead: "if (found?.state === 'reserved') return outcomeOf(row, account, found, false);",
    scenario: 'suspended',
  },
  {
    name: 'the guard is not asked for the cap',
    file: 'shared/recharge/guard.ts',
    line: 'if (spent + money.amount > monthlyAmount)',
    instead: 'if (spent > monthlyAmount)',
    scenario: 'cap',
  },
  {
    name: 'an amount is given back as often as somebody asks',
    file: 'shared/recharge/guard.ts',
    line: "if (entry?.state !== 'reserved') return undefined;\n  // A",
    instead: 'if (!entry) return undefined;\n  // A',
    scenario: 'declined twice',
  },
  {
    name: 'the amount of a declined payment stays spent',
    file: 'shared/recharge/run-recharge.ts',
    line: 'if (decision.release) await releaseAttempt(before, decision.release, this.#deps);',
    instead: '',
    scenario: 'outcomes',
  },
  {
    name: 'the amount is given back after the end is written',
    file: 'shared/recharge/run-recharge.ts',
    line: 'if (decision.release) await releaseAttempt(before, decision.release, this.#deps);\n        if (decision.next) {',
    instead:
      'if (decision.release) queueMicrotask(() => releaseAttempt(before, decision.release ?? { reason: "", retryable: false }, this.#deps));\n        if (decision.next) {',
    scenario: 'declined twice',
  },
  {
    name: 'a claimed row does not come back by itself',
    file: 'shared/recharge/recharge.ts',
    line: 'nextAttemptAt: dueAt,',
    instead: '',
    scenario: 'one fault',
  },
  {
    name: 'what was swept is not queued',
    file: 'functions/recharge-sweeper/handler.ts',
    line: 'if (keys.length > 0) await queue.send(keys);',
    instead: 'if (keys.length > 1) await queue.send(keys);',
    scenario: 'dies',
  },
  {
    name: 'whoever sends a webhook is believed',
    file: 'functions/recharge-webhook/handler.ts',
    line: 'if (!verified.ok) {',
    instead: 'if (!verified) {',
    scenario: 'reused key',
  },
  {
    name: 'a person answers for a row that has changed since they looked',
    file: 'operate/recharges.ts',
    line: 'if (version !== row.version) throw changed();',
    instead: '',
    scenario: 'answers late',
  },
  {
    name: 'a redirect of a grant is believed to mean not granted',
    file: 'shared/recharge/machine/grant.ts',
    line: "    case 'differs':\n    case 'unknown':\n    case 'unpaid':",
    instead:
      "    case 'unknown':\n      if ('agencyFault' in result) return onNotApplied(row, { kind: 'not_applied', detail: '' }, at);\n      return toReview(row, 'grant_unknown', at, result.detail);\n    case 'differs':\n    case 'unpaid':",
    scenario: 'one fault',
  },
  {
    name: 'a charge that may have arrived expires in silence',
    file: `${MACHINE}/payment.ts`,
    line: 'if (!isReserved(row)) return expire(row, at);',
    instead: 'return expire(row, at);',
    scenario: 'forgotten',
  },
  {
    name: 'the status of the client is not looked at again',
    file: 'shared/recharge/perform.ts',
    line: 'return barred && {',
    instead: 'return undefined && {',
    scenario: 'suspended meanwhile',
  },
  {
    name: 'a charge is sent whatever the time is',
    file: 'shared/recharge/perform.ts',
    line: "if (!withinChargeWindow(row, { now: now(), policy })) return { kind: 'held', why: 'too late to charge' };\n  if (!step.mayBegin(policy.chargeCallMs)) return { kind: 'held', why: 'no time left in this run' };",
    instead: '',
    scenario: 'sleeps before a charge',
  },
  {
    name: 'what is given back may be granted again',
    file: 'shared/recharge/answers.ts',
    line: "refund_unknown: ['confirm-refunded', 'refund'],",
    instead: "refund_unknown: ['confirm-refunded', 'retry-grant'],",
    scenario: 'refund under way',
  },
  {
    name: 'a payment that is never decided is waited for without end',
    file: `${MACHINE}/payment.ts`,
    line: "if (isOver(known, at)) return toReview(known, 'charge_unknown', at, 'the provider never decided');",
    instead: '',
    scenario: 'outcomes',
  },
  {
    name: 'an outcome of an earlier attempt is taken for one of this',
    file: `${MACHINE}/payment.ts`,
    line: 'if (outcome.attempt !== row.attempt) return latePayment(row, outcome, at);',
    instead: '',
    scenario: 'declined long ago',
  },
  {
    name: 'an outcome of an earlier grant is taken for one of this',
    file: `${MACHINE}/grant.ts`,
    line: 'const own = row.grantToken === token;\n  if (own && row',
    instead: 'const own = true;\n  if (own && row',
    scenario: 'answers late',
  },
  {
    name: 'a wait moves the time in which a charge may be made',
    file: `${MACHINE}/moves.ts`,
    line: "return { next: { ...row, nextAttemptAt: dueAt, notBefore: dueAt, history }, effect: 'stop' };",
    instead:
      "return { next: { ...row, attemptStartedAt: at.now, nextAttemptAt: dueAt, notBefore: dueAt, history }, effect: 'stop' };",
    scenario: 'silent endpoint',
  },
  {
    name: 'a charge that nobody answered for is made again however late',
    file: `${MACHINE}/payment.ts`,
    line: 'now + policy.chargeCallMs < row.attemptStartedAt + policy.chargeWindowMs',
    instead: 'true',
    scenario: 'silent endpoint',
  },
  {
    name: 'the token of a grant follows from its row',
    file: 'shared/recharge/run-recharge.ts',
    line: 'const drawn = { now: now(), ...this.#deps.draw() };',
    instead: 'const drawn = { now: now(), ...this.#deps.draw(), token: this.#row.key };',
    scenario: 'two workers',
  },
  {
    name: 'a write does not ask what stands there',
    file: 'shared/recharge/run-recharge.ts',
    line: 'const written = await ledger.write(before, decision.next);',
    instead: 'const written = await ledger.write((await ledger.read(before.key)) ?? before, decision.next);',
    scenario: 'two workers',
  },
  {
    name: 'a reservation of its own is judged like that of another recharge',
    file: 'shared/recharge/reserve.ts',
    line: 'if (found) return outcomeOf(row, account, found, false);',
    instead: "if (found && found.state !== 'reserved') return outcomeOf(row, account, found, false);",
    scenario: 'one fault',
  },
  {
    name: 'the log has whole addresses',
    file: 'shared/logger.ts',
    line: "typeof value === 'string' ? maskEmails(value) : value,",
    instead: 'value,',
    scenario: 'duplicates',
  },
];

/** These need more to come together than a short scenario has. The simulator finds each within its first seeds. */
export const FOUND_BY_SIMULATOR: readonly Bug[] = [
  {
    name: 'a person may have granted what may not be paid',
    file: 'shared/recharge/answers.ts',
    line: "charge_unknown: ['confirm-charged', 'confirm-not-charged'],",
    instead: "charge_unknown: ['confirm-not-granted', 'confirm-not-charged'],",
  },
  {
    name: 'a wake after the end begins the recharge again',
    file: `${MACHINE}/payment.ts`,
    line: "    case 'declined':\n    case 'blocked':\n      return onPaymentAfterEnd(row, outcome, at);",
    instead: "    case 'declined':\n    case 'blocked':\n      return onOpenPayment(row, outcome, at);",
  },
];
