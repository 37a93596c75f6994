import { DataHubError } from '../errors.ts';

/** A look holds the rows of both sides, as texts that take about twice as much memory, and a function has 512 MB. */
const MAX_MEGABYTES = 32;

/** A row as a look holds it. */
type HeldRow = { texts: readonly (string | null)[]; values: readonly (string | null)[] };

/** The size of the rows that a look holds of one side. */
export class LookSize {
  readonly #view: string;
  #characters = 0;

  constructor(view: string) {
    this.#view = view;
  }

  /** Adds a row. Throws `invalid_event` if the rows are more than a look can hold. */
  add({ texts, values }: HeldRow): void {
    for (const text of texts) this.#characters += text?.length ?? 0;
    for (const value of values) this.#characters += value?.length ?? 0;
    if (this.#characters <= MAX_MEGABYTES * 1_000_000) return;
    const view = this.#view;
    throw new DataHubError(
      'invalid_event',
      `view ${view}: the rows that differ are larger than ${MAX_MEGABYTES} MB, more than is looked at row by row`,
      {
        context: { view },
        advice: `Send {"view":${JSON.stringify(view)},"resync":true} to extract, which loads the whole view. Then check the view again.`,
      },
    );
  }
}
