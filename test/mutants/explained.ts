/**
 * A change of the code that no test can notice, or that none needs to, and why. It stays here, and not as a comment in the
 * code. It must survive: one that is killed by now, or is not there any more, is an error.
 */
export interface Explained {
  file: string;
  /** The line on which the change begins, without its indentation. */
  line: string;
  /** The same line after the change. What a change takes away of the lines below is not seen here. */
  becomes: string;
  why: string;
}

const GUARD = 'shared/recharge/guard.ts';
const ANSWERS = 'shared/recharge/answers.ts';
const PARTIES = 'shared/recharge/machine/parties.ts';
const LATE = 'shared/recharge/machine/late-payment.ts';
const REFUND = 'shared/recharge/machine/refund.ts';
const PAYMENT = 'shared/recharge/machine/payment.ts';
const VERIFIERS = 'shared/incoming/verifiers.ts';
const PERFORM = 'shared/recharge/perform.ts';
const RESERVE = 'shared/recharge/reserve.ts';
const WEBHOOK = 'functions/recharge-webhook/handler.ts';
const HTTP_HOOK = 'shared/payments/http-payment-hook.ts';
const PLATFORM = 'shared/platform/client.ts';
const CONTRACT = 'shared/payments/contract.ts';
const STRIPE = 'shared/payments/stripe/payment-hook.ts';
const DECLINES = 'shared/payments/stripe/declines.ts';
const SIGNATURE = 'shared/incoming/signature.ts';
const ENDS = 'shared/recharge/machine/ends.ts';
const GOODWILL = 'shared/recharge/machine/goodwill.ts';
const WOKEN = 'shared/recharge/machine/woken.ts';
const MOVES = 'shared/recharge/machine/moves.ts';
const STANDARD = 'shared/incoming/standard-webhooks.ts';
const TOKEN = 'shared/incoming/token.ts';
const ANSWER = 'shared/platform/outcome.ts';
const HTTP_ANSWERS = 'shared/payments/http-answers.ts';
const GRANT = 'shared/recharge/machine/grant.ts';
const LOOP = 'shared/recharge/run-recharge.ts';

export const EXPLAINED: readonly Explained[] = [
  {
    file: GUARD,
    line: '.filter(([name]) => ofLast === undefined || !name.startsWith(ofLast))',
    becomes: '.filter(([name]) => false || !name.startsWith(ofLast))',
    why: 'Without a last recharge each name is compared with the text "undefined", with which none begins.',
  },
  {
    file: GUARD,
    line: 'const isSurplus = rank >= (at > now - YOUNG_MS ? YOUNG_KEPT : OTHERS_KEPT);',
    becomes: 'const isSurplus = rank >= (at >= now - YOUNG_MS ? YOUNG_KEPT : OTHERS_KEPT);',
    why: 'Whether an entry of ten minutes to the millisecond is still young changes only when it is dropped.',
  },
  {
    file: GUARD,
    line: 'spent: from(account.spent, dayOf(now - 32 * DAY_MS).slice(0, 7)),',
    becomes: 'spent: from(account.spent, dayOf(now - 32 * DAY_MS)),',
    why: 'The sign behind the month, "_", comes after the "-" of a day. So a month is kept all the same.',
  },
  {
    file: 'shared/money.ts',
    line: "const [, before, number = '', after] = parts;",
    becomes: 'const [, before, number = "Stryker was here!", after] = parts;',
    why: 'Where the text fits the pattern, there is a number. The type does not say so.',
  },
  {
    file: ANSWERS,
    line: '{ ...said, paidAt: at.now, ...(paymentRef === undefined ? {} : { paymentRef: paymentRef.trim() }) },',
    becomes: '{ ...said, paidAt: at.now, ...(false ? {} : { paymentRef: paymentRef.trim() }) },',
    why: 'Without a reference the answer was refused before.',
  },
  {
    file: ANSWERS,
    line: 'if (settled !== undefined && at.now < settled && waitingAnswers(row).includes(answer)) {',
    becomes: 'if (true && at.now < settled && waitingAnswers(row).includes(answer)) {',
    why: 'No time is before undefined.',
  },
  {
    file: VERIFIERS,
    line: "const id = headers[scheme.idHeader ?? ''] ?? idOf(body);",
    becomes: 'const id = headers[scheme.idHeader ?? "Stryker was here!"] ?? idOf(body);',
    why: 'No header has either name.',
  },
  {
    file: VERIFIERS,
    line: "case 'token':",
    becomes: "case 'token':",
    why: 'A token without its own case falls to that of an HMAC, whose settings it does not have: nothing, as before.',
  },
  {
    file: VERIFIERS,
    line: "case 'token':",
    becomes: 'case "":',
    why: 'No case is met then, and nothing is returned, as before.',
  },
  {
    file: 'shared/recharge/machine/outcome.ts',
    line: "if (result.kind !== 'not_applied' || result.agencyFault !== undefined) return false;",
    becomes: 'if (false || result.agencyFault !== undefined) return false;',
    why: 'Only `not_applied` can be unsent, which is asked for next. This check tells the compiler so.',
  },
  {
    file: PARTIES,
    line: 'export const awaitsCounterparty = ({ history }: Recharge) => history.at(-1)?.event === OTHER_COUNTERPARTY;',
    becomes:
      'export const awaitsCounterparty = ({ history }: Recharge) => history.at(-1).event === OTHER_COUNTERPARTY;',
    why: 'A history begins with its claim and is never empty.',
  },
  {
    file: PARTIES,
    line: "case 'charged':",
    becomes: 'case "":',
    why: 'It breaks out of the switch, as no case does.',
  },
  {
    file: PARTIES,
    line: "case 'granting':",
    becomes: 'case "":',
    why: 'It breaks out of the switch, as no case does.',
  },
  {
    file: PARTIES,
    line: "case 'granting':",
    becomes: "case 'granting':",
    why: 'It is the last case, so without its break the switch ends as well.',
  },
  {
    file: LATE,
    line: "if (row.phase === 'received' && attempt < row.attempt) {",
    becomes: "if (row.phase === 'received' && attempt <= row.attempt) {",
    why: "A payment of the row's own attempt is no late one while the row is received: it does not come here.",
  },
  {
    file: LATE,
    line: "if (row.history.some((entry) => entry.event === 'paid_late' && entry.detail === detail)) return stop;",
    becomes: 'if (row.history.some((entry) => true && entry.detail === detail)) return stop;',
    why: 'No other event has a detail of this form.',
  },
  {
    file: REFUND,
    line: 'return row.review !== undefined && row.review === REVIEWS[result.kind] ? writtenAlready(row) : stop;',
    becomes: 'return true && row.review === REVIEWS[result.kind] ? writtenAlready(row) : stop;',
    why: 'Without a review what is already written is nothing, which is the same as to stop.',
  },
  {
    file: REFUND,
    line: "return { ...row, phase: 'refunded', refundedAt: now, ...(refundRef === undefined ? {} : { refundRef }) };",
    becomes: "return { ...row, phase: 'refunded', refundedAt: now, ...(false ? {} : { refundRef }) };",
    why: 'Storage keeps no undefined member.',
  },
  {
    file: PAYMENT,
    line: "return onPayment(row, { kind: 'payment', attempt, asked: 'charge', result, frozen: known }, at);",
    becomes: `return onPayment(row, { kind: "", attempt, asked: 'charge', result, frozen: known }, at);`,
    why: 'Nobody asks a payment for its kind.',
  },
  {
    file: PAYMENT,
    line: "return onPayment(row, { kind: 'payment', attempt, asked: 'charge', result, frozen: known }, at);",
    becomes: `return onPayment(row, { kind: 'payment', attempt, asked: "", result, frozen: known }, at);`,
    why: 'Who was asked matters only where there was no answer.',
  },
  {
    file: PERFORM,
    line: "const { grantToken = '', grantDeadline = 0, ...row } = step.row;",
    becomes: 'const { grantToken = "Stryker was here!", grantDeadline = 0, ...row } = step.row;',
    why: 'A row that is granted has a token. Neither text is the token of any.',
  },
  {
    file: PERFORM,
    line: "const { grantToken = '', platformId } = row;",
    becomes: 'const { grantToken = "Stryker was here!", platformId } = row;',
    why: 'A row whose grant is looked for has a token. Neither text is the token of any.',
  },
  {
    file: RESERVE,
    line: "if (written.kind === 'written') return undefined;",
    becomes: 'if (false) return undefined;',
    why: 'The next turn finds the entry that was just written, and returns the same.',
  },
  {
    file: RESERVE,
    line: "if (written.kind === 'written') return undefined;",
    becomes: 'if (written.kind === "") return undefined;',
    why: 'The next turn finds the entry that was just written, and returns the same.',
  },
  {
    file: RESERVE,
    line: 'return found.balance === undefined ? {} : { balance: found.balance };',
    becomes: 'return false ? {} : { balance: found.balance };',
    why: 'A balance that is undefined is left out of the entry a moment later.',
  },
  {
    file: RESERVE,
    line: 'return { unknown: true };',
    becomes: 'return { unknown: false };',
    why: 'What is asked is whether the member is there, not what it is.',
  },
  {
    file: LOOP,
    line: "#reserved: Pick<Step, 'frozen' | 'isFresh'> = { frozen: undefined, isFresh: false };",
    becomes: "#reserved: Pick<Step, 'frozen' | 'isFresh'> = {};",
    why: 'What is not there is as undefined, and as false.',
  },
  {
    file: LOOP,
    line: "#reserved: Pick<Step, 'frozen' | 'isFresh'> = { frozen: undefined, isFresh: false };",
    becomes: "#reserved: Pick<Step, 'frozen' | 'isFresh'> = { frozen: undefined, isFresh: true };",
    why: 'A charge alone asks whether the reservation is fresh, and none is decided on before this run has read it.',
  },
  {
    file: LOOP,
    line: "if (outcome.kind === 'reserved') this.#reserved = { frozen: outcome.frozen, isFresh: outcome.fresh };",
    becomes: 'if (true) this.#reserved = { frozen: outcome.frozen, isFresh: outcome.fresh };',
    why: 'Of all others only a payment is followed by a step that asks for it. It carries the same reservation, and that is not fresh then.',
  },
  {
    file: LOOP,
    line: "if (written.kind === 'conflict' && !isSameWrite(before, decision.next, written.row)) continue;",
    becomes: 'if (true && !isSameWrite(before, decision.next, written.row)) continue;',
    why: 'A row that was written is the one that was meant.',
  },
  {
    file: LOOP,
    line: 'if (isRepeat && Object.keys(metrics).length === 0) return;',
    becomes: 'if (isRepeat && true) return;',
    why: 'What is counted has an entry of its own in the history, so no wait is the last. What is counted must not depend on that.',
  },
  {
    file: WEBHOOK,
    line: 'const needed = config.keyHeader === undefined ? [] : [config.keyHeader];',
    becomes: 'const needed = false ? [] : [config.keyHeader];',
    why: 'No header has the name undefined.',
  },
  {
    file: WEBHOOK,
    line: 'const needed = config.keyHeader === undefined ? [] : [config.keyHeader];',
    becomes: 'const needed = config.keyHeader === undefined ? ["Stryker was here"] : [config.keyHeader];',
    why: 'No header has this name.',
  },
  {
    file: HTTP_HOOK,
    line: `return ask({ method: 'GET', path: \`/charges/\${encodeURIComponent(chargeId)}\`, id }, reference);`,
    becomes: `return ask({ method: "", path: \`/charges/\${encodeURIComponent(chargeId)}\`, id }, reference);`,
    why: 'Node sends GET where there is no method.',
  },
  {
    file: PLATFORM,
    line: "method: 'GET',",
    becomes: 'method: "",',
    why: 'Node sends GET where there is no method.',
  },
  {
    file: PLATFORM,
    line: 'return description.match(/[\\w-]+/g) ?? [];',
    becomes: 'return description.match(/[\\w-]+/g) ?? ["Stryker was here"];',
    why: 'No mark is this text, and none begins so.',
  },
  {
    file: PLATFORM,
    line: 'const isOfThese = (line: UsageLine) => markPrefix !== undefined && gives(line, markPrefix);',
    becomes: 'const isOfThese = (line: UsageLine) => true && gives(line, markPrefix);',
    why: 'Without a beginning of marks each word is compared with the text "undefined", with which no mark begins.',
  },
  {
    file: PLATFORM,
    line: "if (own.kind !== 'not_found' || markPrefix === undefined || read.lines.length === 0) return own;",
    becomes: "if (own.kind !== 'not_found' || false || read.lines.length === 0) return own;",
    why: 'Without a beginning of marks only lines of the own mark are kept. Where there is one, it is found or differs.',
  },
  {
    file: PLATFORM,
    line: "const unsent = exchange.answer.kind !== 'response' && exchange.answer.kind !== 'no_answer';",
    becomes: "const unsent = exchange.answer.kind !== 'response' && true;",
    why: 'What got no answer is never `not_applied`. Should it be one day, it may have been sent.',
  },
  {
    file: PLATFORM,
    line: "const unsent = exchange.answer.kind !== 'response' && exchange.answer.kind !== 'no_answer';",
    becomes: `const unsent = exchange.answer.kind !== 'response' && exchange.answer.kind !== "";`,
    why: 'What got no answer is never `not_applied`. Should it be one day, it may have been sent.',
  },
  {
    file: PLATFORM,
    line: "if (answer.kind === 'response' && answer.status === 400 && saysPoolIsEmpty(answer.body, profile)) {",
    becomes: 'if (true && answer.status === 400 && saysPoolIsEmpty(answer.body, profile)) {',
    why: 'What is no response has no status. This check tells the compiler so.',
  },
  {
    file: PLATFORM,
    line: "const isOwnWord = answer.kind === 'response' && readError(answer.body).shape === 'envelope';",
    becomes: "const isOwnWord = true && readError(answer.body).shape === 'envelope';",
    why: 'What is no response has no body, which is no envelope.',
  },
  {
    file: PLATFORM,
    line: "if (answer.kind !== 'response') return { kind: 'no_answer', detail };",
    becomes: "if (false) return { kind: 'no_answer', detail };",
    why: 'What is no response has no status, and the status is asked for next.',
  },
  {
    file: PLATFORM,
    line: "if (answer.kind !== 'response' || answer.status !== 200) return { kind: 'no_answer', detail };",
    becomes: "if (false || answer.status !== 200) return { kind: 'no_answer', detail };",
    why: 'What is no response has no status. This check tells the compiler so.',
  },
  {
    file: PLATFORM,
    line: "return { kind: 'read', lines };",
    becomes: 'return { kind: "", lines };',
    why: 'What is asked is whether there was no answer.',
  },
  {
    file: PLATFORM,
    line: 'const folded = (text: string) => text.trim().toLowerCase();',
    becomes: 'const folded = (text: string) => text.trim().toUpperCase();',
    why: 'Both addresses are folded alike.',
  },
  {
    file: CONTRACT,
    line: 'return faultAt(status, issue?.path[0], body);',
    becomes: 'return faultAt(status, issue.path[0], body);',
    why: 'What could not be read has an issue. The type does not say so.',
  },
  {
    file: CONTRACT,
    line: 'const isThere = objectSchema.safeParse(body).data?.[field] !== undefined;',
    becomes: 'const isThere = objectSchema.safeParse(body).data[field] !== undefined;',
    why: 'A place is named in objects alone. The type does not say so.',
  },
  {
    file: STRIPE,
    line: 'if (known?.key !== key) known = { key, client: await createStripeClient(key, options) };',
    becomes: 'if (true) known = { key, client: await createStripeClient(key, options) };',
    why: 'A new client for each call answers the same, later.',
  },
  {
    file: STRIPE,
    line: "? refusedBeforehand(client, { code: 'payment_method_detached', detail: failure.detail }, reference)",
    becomes: '? refusedBeforehand(client, { code: "", detail: failure.detail }, reference)',
    why: 'Only whether the code begins with `amount_` is asked.',
  },
  {
    file: STRIPE,
    line: "{ customer, paymentMethod = '' }: ChargeRequest['account'],",
    becomes: `{ customer, paymentMethod = "Stryker was here!" }: ChargeRequest['account'],`,
    why: 'A charge without a means of payment was declined before.',
  },
  {
    file: STRIPE,
    line: "return errorOf(error)?.code === 'resource_missing';",
    becomes: "return errorOf(error).code === 'resource_missing';",
    why: 'Of this call no error is known but those of Stripe’s own client.',
  },
  {
    file: STRIPE,
    line: "this.name = 'SeveralPaymentsError';",
    becomes: 'this.name = "";',
    why: 'Its message alone is told.',
  },
  {
    file: STRIPE,
    line: '...(customer === undefined ? {} : { customer }),',
    becomes: '...(false ? {} : { customer }),',
    why: 'A charge without a customer was declined before.',
  },
  {
    file: STRIPE,
    line: '...(descriptorSuffix === undefined ? {} : { statement_descriptor_suffix: descriptorSuffix }),',
    becomes: '...(false ? {} : { statement_descriptor_suffix: descriptorSuffix }),',
    why: 'Stripe’s client leaves out what is undefined.',
  },
  {
    file: STRIPE,
    line: "if (!of) return { kind: 'unknown', detail: String(error).slice(0, 150) };",
    becomes: 'if (!of) return {};',
    why: 'Of these calls nothing but an error of Stripe’s own client is known. Anything else must not count as refused.',
  },
  {
    file: STRIPE,
    line: "if (!of) return { kind: 'unknown', detail: String(error).slice(0, 150) };",
    becomes: 'if (!of) return { kind: "", detail: String(error).slice(0, 150) };',
    why: 'Of these calls nothing but an error of Stripe’s own client is known. Anything else must not count as refused.',
  },
  {
    file: STRIPE,
    line: "if (!of) return { kind: 'unknown', detail: String(error).slice(0, 150) };",
    becomes: "if (!of) return { kind: 'unknown', detail: String(error) };",
    why: 'Of these calls nothing but an error of Stripe’s own client is known. Anything else must not count as refused.',
  },
  {
    file: STRIPE,
    line: "if (!of) return { kind: 'unknown', detail: String(error).slice(0, 150) };",
    becomes: "if (false) return { kind: 'unknown', detail: String(error).slice(0, 150) };",
    why: 'Of these calls nothing but an error of Stripe’s own client is known. Anything else must not count as refused.',
  },
  {
    file: STRIPE,
    line: 'if (of.code !== undefined && CANNOT_BE_REFUNDED.includes(of.code))',
    becomes: 'if (true && CANNOT_BE_REFUNDED.includes(of.code))',
    why: 'The list does not hold undefined.',
  },
  {
    file: STRIPE,
    line: "return typeof charge === 'object' && charge !== null && charge.amount_refunded > 0;",
    becomes: 'return true && charge !== null && charge.amount_refunded > 0;',
    why: 'An id has no amount, and nothing is not more than 0.',
  },
  {
    file: STRIPE,
    line: 'if (errorOf(error)) return false;',
    becomes: 'if (true) return false;',
    why: 'Of these calls nothing but an error of Stripe’s own client is known. Anything else must not count as refused.',
  },
  {
    file: STRIPE,
    line: '} catch (error) {',
    becomes: '} catch (error) {}',
    why: 'Nothing is returned then, which is as false.',
  },
  {
    file: DECLINES,
    line: "const code = error?.decline_code ?? error?.code ?? '';",
    becomes: 'const code = error?.decline_code ?? error?.code ?? "Stryker was here!";',
    why: 'Neither text is a code.',
  },
  {
    file: DECLINES,
    line: "WORDS.get(error?.decline_code ?? '') ?? WORDS.get(error?.code ?? '') ?? 'card_refused';",
    becomes: `WORDS.get(error?.decline_code ?? "Stryker was here!") ?? WORDS.get(error?.code ?? '') ?? 'card_refused';`,
    why: 'Neither text is a code.',
  },
  {
    file: DECLINES,
    line: "WORDS.get(error?.decline_code ?? '') ?? WORDS.get(error?.code ?? '') ?? 'card_refused';",
    becomes: `WORDS.get(error?.decline_code ?? '') ?? WORDS.get(error?.code ?? "Stryker was here!") ?? 'card_refused';`,
    why: 'Neither text is a code.',
  },
  {
    file: DECLINES,
    line: "if (FORBID.includes(network ?? '') || NEVER_APPROVED.includes(response ?? '')) return false;",
    becomes: `if (FORBID.includes(network ?? "Stryker was here!") || NEVER_APPROVED.includes(response ?? '')) return false;`,
    why: 'Neither text is a code.',
  },
  {
    file: DECLINES,
    line: "if (FORBID.includes(network ?? '') || NEVER_APPROVED.includes(response ?? '')) return false;",
    becomes: `if (FORBID.includes(network ?? '') || NEVER_APPROVED.includes(response ?? "Stryker was here!")) return false;`,
    why: 'Neither text is a code.',
  },
  {
    file: SIGNATURE,
    line: "const [first = ''] = value.split(',', 1);",
    becomes: `const [first = "Stryker was here!"] = value.split(',', 1);`,
    why: 'What is split has a first part. The type does not say so.',
  },
  {
    file: SIGNATURE,
    line: "const time = (timePrefixesOf(scheme)[0] ?? '') + timestamp;",
    becomes: 'const time = (timePrefixesOf(scheme)[0] ?? "Stryker was here!") + timestamp;',
    why: 'There is always a first one. The type does not say so.',
  },
  {
    file: SIGNATURE,
    line: `found.push((upToSeparator.exec(value)?.[1] ?? '').replace(/^"([^"]*)"$/, '$1'));`,
    becomes: `found.push((upToSeparator.exec(value)?.[1] ?? "Stryker was here!").replace(/^"([^"]*)"$/, '$1'));`,
    why: 'The pattern fits nothing as well, so it always fits. The type does not say so.',
  },
  {
    file: SIGNATURE,
    line: `found.push((upToSeparator.exec(value)?.[1] ?? '').replace(/^"([^"]*)"$/, '$1'));`,
    becomes: `found.push((upToSeparator.exec(value)[1] ?? '').replace(/^"([^"]*)"$/, '$1'));`,
    why: 'The pattern fits nothing as well, so it always fits. The type does not say so.',
  },
  {
    file: SIGNATURE,
    line: "const value = headers[timestampHeader] ?? '';",
    becomes: 'const value = headers[timestampHeader] ?? "Stryker was here!";',
    why: 'Neither text is a time.',
  },
  {
    file: SIGNATURE,
    line: '.flatMap((name) => [...(valuesOf.get(name) ?? [])].sort().map((value) => name + value))',
    becomes:
      '.flatMap((name) => [...(valuesOf.get(name) ?? ["Stryker was here"])].sort().map((value) => name + value))',
    why: 'The names are those of the map. The type does not say so.',
  },
  {
    file: SIGNATURE,
    line: "return { reason: first.ageMs > 0 ? 'the timestamp is too old' : 'the timestamp is too new' };",
    becomes: "return { reason: first.ageMs >= 0 ? 'the timestamp is too old' : 'the timestamp is too new' };",
    why: 'What is of this very moment is near enough.',
  },
  {
    file: SIGNATURE,
    line: 'if (!/^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d{1,9})?(Z|[+-]\\d\\d:?\\d\\d)$/.test(text)) return undefined;',
    becomes:
      'if (!/^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d{1,9})?(Z|[+-]\\d\\d:?\\d\\d)/.test(text)) return undefined;',
    why: '`Date.parse` takes nothing behind the zone either.',
  },
  {
    file: SIGNATURE,
    line: "function addressesOf({ url }: Scheme, { rawQuery = '' }: Signed): string[] {",
    becomes: 'function addressesOf({ url }: Scheme, { rawQuery = "Stryker was here!" }: Signed): string[] {',
    why: 'No sender signs this query.',
  },
  {
    file: SIGNATURE,
    line: '? signature.toLowerCase()',
    becomes: '? signature.toUpperCase()',
    why: 'Both signatures are spelled alike.',
  },
  {
    file: SIGNATURE,
    line: ": signature.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');",
    becomes: ": signature.replaceAll('+', '-').replaceAll('/', '_').replace(/=+/, '');",
    why: 'The padding of ours stands at its end. What has it elsewhere is another text with or without it.',
  },
  {
    file: ENDS,
    line: "(phase === 'completed' && grantNo > 1) || (phase === 'refunded' && grantNo > 0);",
    becomes: "(true && grantNo > 1) || (phase === 'refunded' && grantNo > 0);",
    why: 'What ends otherwise has had no grant, and what is refunded is met by the other half.',
  },
  {
    file: GOODWILL,
    line: "phase === 'completed' && goodwillRefund === 'under_way';",
    becomes: "true && goodwillRefund === 'under_way';",
    why: 'No other row has a goodwill refund. Should one, its money must not be given back as if it were completed.',
  },
  {
    file: WOKEN,
    line: 'const isLookedAt = row.wokenAt !== undefined && now < row.wokenAt + wokenMs;',
    becomes: 'const isLookedAt = true && now < row.wokenAt + wokenMs;',
    why: 'No time is before what is no number.',
  },
  {
    file: WOKEN,
    line: 'if (!awaitsLook(row) || wokenAt === undefined) return stop;',
    becomes: 'if (!awaitsLook(row) || false) return stop;',
    why: 'Who awaits a look was heard of. The type does not say so.',
  },
  {
    file: MOVES,
    line: "return { alert: { word: 'review_waiting', ...(review === undefined ? {} : { detail: review }) } };",
    becomes: "return { alert: { word: 'review_waiting', ...(false ? {} : { detail: review }) } };",
    why: 'A row that waits for a person has a review. The type does not say so.',
  },
  {
    file: MOVES,
    line: 'return latest === undefined || times === 1 ? history : [...history.slice(0, -1), { ...latest, times }];',
    becomes: 'return false || times === 1 ? history : [...history.slice(0, -1), { ...latest, times }];',
    why: 'What was just recorded is the last entry. The type does not say so.',
  },
  {
    file: STANDARD,
    line: "return told?.verdict ?? refused('no header is looked at');",
    becomes: 'return told?.verdict ?? refused("");',
    why: 'There is always a scheme. The type does not say so.',
  },
  {
    file: STANDARD,
    line: "return told?.verdict ?? refused('no header is looked at');",
    becomes: "return told.verdict ?? refused('no header is looked at');",
    why: 'There is always a scheme. The type does not say so.',
  },
  {
    file: STANDARD,
    line: "const [, base64] = /^([A-Za-z0-9+/_-]+)={0,2}$/.exec(secret.replace(/^(v1,)?(whsec_)?/, '')) ?? [];",
    becomes:
      "const [, base64] = /^([A-Za-z0-9+/_-]+)={0,2}$/.exec(secret.replace(/(v1,)?(whsec_)?/, '')) ?? [];",
    why: 'Both parts may be missing, so the pattern fits at the beginning in any case.',
  },
  {
    file: STANDARD,
    line: "const [, base64] = /^([A-Za-z0-9+/_-]+)={0,2}$/.exec(secret.replace(/^(v1,)?(whsec_)?/, '')) ?? [];",
    becomes: `const [, base64] = /^([A-Za-z0-9+/_-]+)={0,2}$/.exec(secret.replace(/^(v1,)?(whsec_)?/, '')) ?? ["Stryker was here"];`,
    why: 'Only the second one is read.',
  },
  {
    file: TOKEN,
    line: "{ headers, query, rawQuery = '', secrets }: Sent & { secrets: string[] },",
    becomes: '{ headers, query, rawQuery = "Stryker was here!", secrets }: Sent & { secrets: string[] },',
    why: 'No parameter has this name.',
  },
  {
    file: TOKEN,
    line: ".flatMap(([key = '', value = '']) => (decoded(key) === name ? [value] : []))",
    becomes: `.flatMap(([key = "Stryker was here!", value = '']) => (decoded(key) === name ? [value] : []))`,
    why: 'What is split has a first part. The type does not say so.',
  },
  {
    file: ANSWER,
    line: "retryAfterMs !== undefined && retryAfterMs > LONGEST_RATE_WAIT_MS ? { agencyFault: 'rate_limited' } : {};",
    becomes: "true && retryAfterMs > LONGEST_RATE_WAIT_MS ? { agencyFault: 'rate_limited' } : {};",
    why: 'What is undefined is not more than anything.',
  },
  {
    file: ANSWER,
    line: "if (answer.kind === 'no_answer') return { kind: 'unknown' };",
    becomes: "if (false) return { kind: 'unknown' };",
    why: 'Without a status it comes to the end, which says the same.',
  },
  {
    file: ANSWER,
    line: "if (answer.kind === 'no_answer') return { kind: 'unknown' };",
    becomes: `if (answer.kind === "") return { kind: 'unknown' };`,
    why: 'Without a status it comes to the end, which says the same.',
  },
  {
    file: ANSWER,
    line: "if (status >= 200 && status < 300) return { kind: 'answered', status, body };",
    becomes: "if (true && status < 300) return { kind: 'answered', status, body };",
    why: 'Node gives no answer with a status below 200. Should it, that must not count as answered.',
  },
  {
    file: ANSWER,
    line: "if (status >= 300 && status < 400) return { kind: 'unknown', agencyFault: 'redirected' };",
    becomes: "if (true && status < 400) return { kind: 'unknown', agencyFault: 'redirected' };",
    why: 'Those below have returned.',
  },
  {
    file: HTTP_ANSWERS,
    line: "if (answer.kind !== 'response') return undefined;",
    becomes: 'if (false) return undefined;',
    why: 'What is no response has no status, which no table knows.',
  },
  {
    file: HTTP_ANSWERS,
    line: "case 'no_answer':",
    becomes: "case 'no_answer':",
    why: 'Without a status it comes to the same silence.',
  },
  {
    file: GRANT,
    line: 'const balance = result.newBalance === undefined ? {} : { newBalance: result.newBalance };',
    becomes: 'const balance = false ? {} : { newBalance: result.newBalance };',
    why: 'Storage keeps no undefined member.',
  },
];
