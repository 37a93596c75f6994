/** The last sentence of an advice for a halted view: what to send once the cause is mended. */
export const thenResume = (view: string): string => `Then send ${JSON.stringify({ view, resume: true })}.`;

/** The last sentence of an advice for a batch whose rows must be captured again once the cause is mended, which begins at once. */
export const thenRedrive = (view: string): string => `Then send ${JSON.stringify({ view, redrive: true })}.`;

/** What helps against a row that is too long; `or` is a further sentence. */
export const shorterRow = (view: string, or = ''): string =>
  `Make the row smaller, or leave its large columns out of the view. ${or}${thenResume(view)}`;

/** What helps against values that BigQuery cannot hold: the row, or policies for columns other than the key. */
export function policyAdvice(view: string, columns: readonly string[]): string {
  const policies = JSON.stringify(Object.fromEntries(columns.map((column) => [column, 'null'])));
  return columns.length === 0
    ? `Correct the row: a key cannot have a policy. ${thenResume(view)}`
    : `Correct the row, or give the column a policy: import the view source again with "unrepresentable": ${policies}. ${thenResume(view)}`;
}
