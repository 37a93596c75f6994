import type { Resolver } from 'avsc';
import type { Table } from '../catalog.ts';
import type { Session } from '../engine.ts';
import { BigQueryError } from '../error.ts';
import { storagePath } from '../names.ts';
import { AvroBatch, batchTypes, checkUtf8 } from './avro-batch.ts';
import { type AvroBlock, type AvroHeader, AvroProblem, readBlocks, readHeader } from './avro-blocks.ts';
import { type AvroSchema, readSchema } from './avro-schema.ts';
import { checkFitsTable, resolve } from './avro-table.ts';
import type { AvroOptions } from './avro-values.ts';
import type { SourceObject } from './source-objects.ts';

interface OpenedFile {
  readonly object: SourceObject;
  readonly header: AvroHeader;
  readonly written: AvroSchema;
}

/**
 * Adds the rows of all files in the transaction of the caller, which must roll back if this throws.
 * https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-avro
 * @returns the number of rows. @throws BigQueryError
 */
export async function loadAvro(
  session: Session,
  table: Table,
  objects: readonly SourceObject[],
  options: AvroOptions,
  signal: AbortSignal,
): Promise<number> {
  const files = await openFiles(objects, options);
  const schema = await schemaOfJob(files, table);
  const resolvers = new Map<AvroSchema, Resolver>();
  for (const { object, written } of files) {
    if (written === schema || resolvers.has(written)) continue;
    resolvers.set(written, await naming(object, () => resolve(written, schema)));
  }
  const { fields, reference } = table;
  return await session.append(storagePath(reference), batchTypes(fields), async (append) => {
    const batch = new AvroBatch(session, append, fields, schema.columns);
    for (const { object, header, written } of files) {
      await naming(object, async () => {
        for await (const block of readBlocks(object.file, header)) {
          signal.throwIfAborted();
          await addRows(block, batch, schema, written, resolvers.get(written));
        }
        // Before the next file, so that an error of the engine is that of this file.
        await batch.flush();
      });
    }
    return batch.rows;
  });
}

async function openFiles(objects: readonly SourceObject[], options: AvroOptions): Promise<OpenedFile[]> {
  const known = new Map<string, AvroSchema>();
  const files: OpenedFile[] = [];
  for (const object of objects) {
    await naming(object, async () => {
      const header = await readHeader(object.file);
      const written = known.get(header.schema) ?? readSchema(header, options);
      known.set(header.schema, written);
      files.push({ object, header, written });
    });
  }
  return files;
}

/** https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-avro#avro_schemas */
async function schemaOfJob(files: readonly OpenedFile[], table: Table): Promise<AvroSchema> {
  const { object, written } = files.reduce((a, b) => (b.object.uri > a.object.uri ? b : a));
  await naming(object, () => checkFitsTable(written, table));
  return written;
}

async function addRows(
  { data, rows, nth, position }: AvroBlock,
  batch: AvroBatch,
  { type }: AvroSchema,
  written: AvroSchema,
  resolver: Resolver | undefined,
): Promise<void> {
  const inBlock = `block ${nth}, which starts at byte ${position}`;
  let at = 0;
  for (let row = 1; row <= rows; row += 1) {
    try {
      const { value, offset } = type.decode(data, at, resolver);
      if (offset < 0) throw new AvroProblem('The block is cut off.');
      if (batch.add(value)) checkUtf8(written.columns, written.raw.decode(data, at).value);
      at = offset;
    } catch (error) {
      if (!(error instanceof Error) || error instanceof TypeError) throw error;
      throw new AvroProblem(`${sentence(error.message)} In row ${row} of ${inBlock}.`);
    }
    if (batch.isFull) await batch.flush();
  }
  if (at < data.length) throw new AvroProblem(`There are bytes behind the last row of ${inBlock}.`);
}

/** Adds the name of the file to what is wrong with it. The words are [not documented]; some were seen in basedosdados/sdk issue 1252. */
async function naming<T>({ uri }: SourceObject, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const ofEngine = error instanceof BigQueryError && error.reason === 'invalidQuery';
    if (!(error instanceof AvroProblem) && !ofEngine) throw error;
    const library = 'The Apache Avro library failed to read data with the following error:';
    const message = `Error while reading data, error message: ${library} ${sentence(error.message)} File: ${uri}`;
    throw new BigQueryError('invalid', message, uri);
  }
}

function sentence(text: string): string {
  return text.endsWith('.') ? text : `${text}.`;
}
