import type { Warehouse } from '../../shared/warehouse/warehouse.ts';
import type { Installation } from './installation.ts';

/** As long as BigQuery's answers may take after the last page of rows that a call reads. */
const LEFT_SECONDS = 50;
const LIMIT_SECONDS = 9000;

/**
 * Returns another process of the installation, each of whose calls streams one page of rows: then almost all of its time is over. It stages
 * pages of about that many bytes.
 */
export async function pageByPage(on: Installation, pageBytes: number): Promise<Installation> {
  const process = await on.anotherProcess({
    MAX_PART_BYTES: String(pageBytes),
    TIME_LIMIT_SECONDS: String(LIMIT_SECONDS),
  });
  const { warehouse } = process.dependencies;
  let nowMs = Date.now();
  const appendRows: Warehouse['appendRows'] = (append) =>
    warehouse.appendRows({
      ...append,
      async *rowsUntil(stop) {
        for await (const rows of append.rowsUntil(stop)) {
          yield rows;
          nowMs += (LIMIT_SECONDS - LEFT_SECONDS) * 1000;
        }
      },
    });
  process.dependencies = {
    ...process.dependencies,
    clock: { nowMs: () => nowMs },
    warehouse: { ...warehouse, appendRows },
  };
  return process;
}
