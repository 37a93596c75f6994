import type { Response } from 'express';

/** Answers a JSON object together with rows that are JSON texts. */
export function sendRows(
  response: Response,
  { body, rows }: { readonly body: object; readonly rows: readonly string[] },
): void {
  const text = JSON.stringify(body);
  response.type('json').send(rows.length === 0 ? text : `${text.slice(0, -1)},"rows":[${rows.join(',')}]}`);
}
