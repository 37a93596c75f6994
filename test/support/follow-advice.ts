import assert from 'node:assert/strict';
import { dispatch } from '../../functions/extract/extract.ts';
import type { Installation } from './installation.ts';

/**
 * A statement for BigQuery quotes names with backquotes. A payload is JSON. The other three words are operations on the view. Nothing is to be sent
 * where somebody tries again, or a person deploys again.
 */
const STEP =
  /(?<payload>\{"[^}]+\})|[Rr]un(?<where>[^:]*): (?<statements>(?:[^;]+;)+)|\b(?<operation>redrive|resume|resync)\b|retry by themselves|deploy again/gi;

/**
 * Does what an advice says, as an operator does who reads it word by word: runs its statements in the source, in BigQuery or in the control database, sends its payloads,
 * and resumes, redrives or resyncs the view, in the order of the text. Returns the last answer. Fails when the
 * advice has nothing to do.
 */
export async function followAdvice(advice: string, on: Installation, view: string): Promise<unknown> {
  const steps = [...advice.matchAll(STEP)].map(({ groups }) => groups ?? {});
  assert.ok(steps.length > 0, `nothing to do in: ${advice}`);
  const send = (payload: object) =>
    dispatch(payload, { functionName: 'extract', event: payload }, on.dependencies);
  let answer: unknown;
  for (const { payload, where, statements, operation } of steps) {
    if (payload !== undefined) answer = await send(JSON.parse(payload));
    else if (where === ' in the control database') answer = await on.control.query(statements ?? '');
    else if (statements?.includes('`')) answer = await on.query(statements);
    else if (statements !== undefined) answer = await on.source.database.query(statements);
    else if (operation !== undefined) answer = await send({ view, [operation.toLowerCase()]: true });
  }
  return answer;
}
