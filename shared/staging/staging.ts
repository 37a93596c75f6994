import { text } from 'node:stream/consumers';
import { isDeepStrictEqual } from 'node:util';
import type { Bucket, Storage } from '@google-cloud/storage';
import { DataHubError } from '../errors.ts';
import { codeOf, fromGoogle } from '../google/google-errors.ts';
import { withRequestTimeout } from '../google/request-timeout.ts';
import type { EtlTransaction } from '../model/batch.ts';
import type { RowBlock } from '../model/column-writer.ts';
import type { LoadedFiles, StagedObject } from '../model/staged-format.ts';
import { download } from './download.ts';
import type { RowFormat } from './format/row-format.ts';
import { isOfLaterRelease, type Manifest, manifest } from './manifest.ts';
import { readKeys } from './read-keys.ts';
import { readError, readLines, stagingLost } from './read-lines.ts';
import { type MessageBlock, readMessages } from './read-messages.ts';
import { type ReportedRow, readReport } from './read-report.ts';
import { writeReport } from './report.ts';
import { batchIdCollision, stageBlocks } from './stage-blocks.ts';
import { readStreamHighWater, type StreamHighWater, writeStreamHighWater } from './stream-high-water.ts';

export type { Manifest, StagedObject, StreamHighWater };

/** Writes the objects of one batch, under its prefix `<view>/<batch id>/`. */
export type BatchWriter = {
  /** Writes rows as the next parts of a set. Concurrent calls never share a part number. */
  write(
    set: 'upserts' | 'deletes',
    blocks: AsyncIterable<RowBlock>,
    signal: AbortSignal,
  ): Promise<StagedObject[]>;
  /** Writes the manifest, which completes the batch. Throws `batch_id_collision` when a different one exists. */
  writeManifest(content: Manifest): Promise<void>;
};

export type Staging = {
  /**
   * `attempt`: how often the batch has been begun to be written, this time included; no two attempts name an object alike. `partBytes`: the size of its
   * objects, unless it is the usual one.
   */
  openBatch(
    prefix: string,
    format: RowFormat,
    options?: { attempt?: number; partBytes?: number },
  ): Promise<BatchWriter>;
  /** Returns null when the batch has no manifest. Throws `staging_lost` for one that cannot be parsed; no checksum is compared. */
  readManifest(prefix: string): Promise<Manifest | null>;
  /** Returns the names of the objects that the manifest lists but the bucket does not contain. */
  missing(content: Manifest): Promise<string[]>;
  /** Throws `staging_lost` unless the bucket contains every object that the manifest lists, unchanged. */
  assertWhole(content: Manifest): Promise<void>;
  /** Yields the blocks of an object of protobuf messages; see `readMessages`. */
  readMessages(object: StagedObject, signal: AbortSignal): AsyncGenerator<MessageBlock>;
  /** Yields the keys of an object's rows as text, in groups; see `readKeys`. Throws `staging_lost` for an object that is gone or corrupt. */
  readKeys(
    content: Manifest,
    object: StagedObject,
    column: string,
    signal: AbortSignal,
  ): AsyncGenerator<string[]>;
  /** Yields the lines of an object in groups; see `readLines`. */
  readLines(object: StagedObject, signal: AbortSignal): AsyncGenerator<string[]>;
  /** For a streamed view; see `StreamHighWater`. */
  readStreamHighWater(view: string): Promise<StreamHighWater | null>;
  writeStreamHighWater(
    view: string,
    batch: Pick<EtlTransaction, 'id' | 'token'>,
    before: StreamHighWater | null,
  ): Promise<void>;
  /** Writes a report, one JSON object per line. No other report may have its name. */
  writeReport(name: string, lines: readonly object[]): Promise<void>;
  /** Reads rows of a report by their keys; see `readReport`. */
  readReport(name: string, keys: ReadonlySet<string>): Promise<ReportedRow[]>;
  uri(object: StagedObject): string;
  /** The objects of a batch, as a load job reads them. */
  files(content: Pick<Manifest, 'format' | 'objects'>): LoadedFiles;
  /** Returns the location of the bucket, for example "EU". */
  location(): Promise<string>;
};

const manifestName = (prefix: string): string => `${prefix}manifest.json`;

/** The size of a part before compression, and how long Cloud Storage may take to answer or to accept data. */
export type StagingLimits = { maxPartBytes: number; callTimeoutSeconds: number };

/** Opens the client at its first use. Every error is classified. */
export function createStaging(
  openStorage: () => Promise<Storage>,
  bucketName: string,
  limits: StagingLimits,
): Staging {
  const { callTimeoutSeconds } = limits;
  const openBucket = async (): Promise<Bucket> => (await openStorage()).bucket(bucketName);
  const staging: Staging = {
    async openBatch(prefix, format, { attempt = 1, partBytes = limits.maxPartBytes } = {}) {
      const bucket = await openBucket();
      const written = { upserts: 0, deletes: 0 };
      const ofAttempt = attempt === 1 ? '' : `${attempt}-`;
      return {
        write(set, blocks, signal) {
          const nextName = () =>
            `${prefix}${set}-${ofAttempt}${String(written[set]++).padStart(5, '0')}.${format.extension}`;
          return stageBlocks(blocks, format, {
            bucket,
            nextName,
            ...limits,
            maxPartBytes: partBytes,
            signal,
          });
        },
        async writeManifest(content) {
          const json = JSON.stringify(content);
          const saved = bucket.file(manifestName(prefix)).save(json, {
            resumable: false,
            contentType: 'application/json',
            preconditionOpts: { ifGenerationMatch: 0 },
          });
          await withRequestTimeout(callTimeoutSeconds, saved).catch(async (error: unknown) => {
            // After a lost answer the client repeats the save, and then finds its own object.
            if (codeOf(error) !== 412) throw fromGoogle(error, `staged object ${manifestName(prefix)}`);
            if (!isDeepStrictEqual(await staging.readManifest(prefix), manifest.parse(JSON.parse(json)))) {
              throw batchIdCollision(manifestName(prefix), error);
            }
          });
        },
      };
    },

    async readManifest(prefix) {
      const name = manifestName(prefix);
      const bucket = await openBucket();
      const stop = new AbortController();
      try {
        const stored = download(bucket, name, { signal: stop.signal, callTimeoutSeconds });
        const content = await withRequestTimeout(callTimeoutSeconds, stored.then(text));
        const json: unknown = JSON.parse(content);
        if (isOfLaterRelease(json)) throw laterRelease(name);
        return manifest.parse(json);
      } catch (error) {
        if (codeOf(error) === 404) return null;
        if (error instanceof SyntaxError || (error instanceof Error && error.name === 'ZodError')) {
          throw new DataHubError('staging_lost', `staged object ${name} is corrupt: ${error.message}`, {
            cause: error,
          });
        }
        throw fromGoogle(error, `staged object ${name}`);
      } finally {
        stop.abort();
      }
    },

    async missing(content) {
      const bucket = await openBucket();
      const missing: string[] = [];
      await lookAtEach(content.objects, async ({ name }) => {
        const [exists] = await bucket
          .file(name)
          .exists()
          .catch((error: unknown) => {
            throw fromGoogle(error, `staged object ${name}`);
          });
        if (!exists) missing.push(name);
      });
      return missing;
    },

    async assertWhole(content) {
      const bucket = await openBucket();
      await lookAtEach(content.objects, async ({ name, md5 }) => {
        const [metadata] = await bucket
          .file(name)
          .getMetadata()
          .catch((error: unknown) => {
            throw codeOf(error) === 404
              ? stagingLost(name, 'it is gone', error)
              : fromGoogle(error, `staged object ${name}`);
          });
        if (metadata.md5Hash !== md5) throw stagingLost(name, 'another object has replaced it');
      });
    },

    async *readMessages(object, signal) {
      yield* readMessages(await openBucket(), object, signal, callTimeoutSeconds);
    },

    async *readKeys(content, object, column, signal) {
      const bucket = await openBucket();
      const { name, rows } = object;
      const groups = readKeys(content, column, {
        bytes: () => download(bucket, name, { signal, callTimeoutSeconds }),
        lines: () => readLines(bucket, object, signal, callTimeoutSeconds),
        messages: () => readMessages(bucket, object, signal, callTimeoutSeconds),
      });
      let count = 0;
      try {
        for await (const keys of groups) {
          count += keys.length;
          yield keys;
        }
        // The reader of Avro takes a truncated file for one that has ended.
        if (count !== rows) throw stagingLost(name, `it has ${count} rows instead of ${rows}`);
      } catch (error) {
        signal.throwIfAborted();
        const isUnreadable = codeOf(error) === undefined && !(error instanceof DataHubError);
        throw isUnreadable ? stagingLost(name, 'it is corrupt', error) : readError(name, error);
      }
    },

    async *readLines(object, signal) {
      yield* readLines(await openBucket(), object, signal, callTimeoutSeconds);
    },

    readStreamHighWater: async (view) => readStreamHighWater(await openBucket(), view),
    writeStreamHighWater: async (view, batch, before) =>
      writeStreamHighWater(await openBucket(), { view, batch, before, callTimeoutSeconds }),

    writeReport: async (name, lines) => writeReport(await openBucket(), name, lines, callTimeoutSeconds),

    readReport: async (name, keys) => readReport(await openBucket(), name, keys, callTimeoutSeconds),

    uri: ({ name }) => `gs://${bucketName}/${name}`,

    files: ({ format, objects }) => ({ format, uris: objects.map(staging.uri) }),

    async location() {
      const bucket = await openBucket();
      const [metadata] = await bucket.getMetadata().catch((error: unknown) => {
        throw fromGoogle(error, `staging bucket ${bucketName}`);
      });
      return String(metadata.location);
    },
  };
  return staging;
}

/** A large batch has thousands of objects. */
const LOOKS_AT_ONCE = 50;

async function lookAtEach(
  objects: readonly StagedObject[],
  look: (object: StagedObject) => Promise<void>,
): Promise<void> {
  for (let next = 0; next < objects.length; next += LOOKS_AT_ONCE) {
    await Promise.all(objects.slice(next, next + LOOKS_AT_ONCE).map(look));
  }
}

function laterRelease(name: string): DataHubError {
  return new DataHubError('transient', `staged object ${name} has a format that this release does not know`, {
    advice:
      'A later release has staged the batch. Deploy that release everywhere; the functions retry by themselves.',
  });
}
