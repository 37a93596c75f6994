import type { Checkpoint } from '../../model/checkpoint.ts';
import type { StreamingWindow } from '../../model/row-text.ts';
import type { ViewSource } from '../../model/view-source.ts';
import type { Dependencies } from '../../runtime/dependencies.ts';
import { type ComparedRow, readComparedRows, readRowTextOptions } from '../../source/compare-rows.ts';
import { describeView, type SourceView } from '../../source/describe-view.ts';
import { type LogMention, readLogMentions } from '../../source/log-mentions.ts';
import { type LogRow, readLogRows } from '../../source/log-rows.ts';
import { inSnapshot } from '../../source/snapshot.ts';

/** What the source has of a row, in one snapshot. */
export type SourceRow = {
  view: SourceView;
  window: StreamingWindow | null;
  /** As the view writes it; null if the text is no value of the key's type. */
  key: string | null;
  /** Several if the view has the key more than once. */
  rows: ComparedRow[];
  mentions: LogMention[];
  /** The log rows that name the row, or a lookup row that it points at, newest first. */
  logRows: LogRow[];
  readAt: Date;
};

/** Reads the row with this key, and what the log says of it. */
export async function readSourceRow(
  viewSource: ViewSource,
  typed: string,
  checkpoint: Pick<Checkpoint, 'floorId' | 'seen'>,
  { config, source }: Dependencies,
): Promise<SourceRow> {
  const { changeLogTable, contentTypeTable } = config;
  return await inSnapshot(source, async (client) => {
    const view = await describeView(client, viewSource, contentTypeTable);
    const { rows: found } = await client.query(
      `select (${view.keyType.fromText('k.text')})::text as key, now() as "readAt" from unnest($1::text[]) k (text)`,
      [[typed]],
    );
    const { key, readAt } = found[0] as { key: string | null; readAt: Date };
    const options = await readRowTextOptions(client, viewSource);
    const known = { view, readAt, key, window: options.window };
    if (key === null) return { ...known, rows: [], mentions: [], logRows: [] };
    const rows = await readComparedRows(client, { view, columns: view.columns, options }, [key]);
    const mentions = await readLogMentions(client, view, changeLogTable, checkpoint, [key]);
    const ids = mentions.flatMap(({ named, ignored }) => [...named, ...ignored]);
    const logRows = await readLogRows(client, changeLogTable, [...new Set(ids)]);
    return { ...known, rows, mentions, logRows };
  });
}
