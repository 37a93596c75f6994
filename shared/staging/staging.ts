import type { Readable } from 'node:stream';
import type { Bucket, Storage } from '@google-cloud/storage';
import { DataHubError } from '../errors.ts';
import { codeOf, fromGoogle } from '../google/google-errors.ts';
import { withRequestTimeout } from '../google/request-timeout.ts';
import type { EtlTransaction } from '../model/batch.ts';
import { downloadOnce } from './download.ts';
import { type Manifest, manifest, type StagedObject } from './manifest.ts';
import { damaged, readLines } from './read-lines.ts';
import { batchIdCollision, stageLines } from './stage-lines.ts';
import { readStreamHighWater, type StreamHighWater, writeStreamHighWater } from './stream-high-water.ts';

export type { Manifest, StagedObject, StreamHighWater };

/** Writes the objects of one batch, below its own prefix `<view>/<etl transaction>/`. */
export type BatchWriter = {
  /** Writes lines as the next parts of a set; concurrent calls get part numbers of their own. */
  write(set: 'upserts' | 'deletes', lines: Readable, signal: AbortSignal): Promise<StagedObject[]>;
  /** Written last: from then on the batch is whole. One that is there and differs throws `batch_id_collision`. */
  writeManifest(content: Manifest): Promise<void>;
};

export type Staging = {
  openBatch(prefix: string): Promise<BatchWriter>;
  /** Null when the batch has none. */
  readManifest(prefix: string): Promise<Manifest | null>;
  /** The names that the manifest lists and the bucket does not have. */
  missing(content: Manifest): Promise<string[]>;
  /** Throws `staging_lost` unless the bucket has every object that the manifest lists, as it was staged. */
  assertWhole(content: Manifest): Promise<void>;
  /** The lines of an object, many at a time; see `readLines`. */
  readLines(object: StagedObject, signal: AbortSignal): AsyncGenerator<string[]>;
  /** Of a streamed view: see `StreamHighWater`. */
  readStreamHighWater(view: string): Promise<StreamHighWater | null>;
  writeStreamHighWater(
    view: string,
    batch: Pick<EtlTransaction, 'id' | 'token'>,
    before: StreamHighWater | null,
  ): Promise<void>;
  uri(object: StagedObject): string;
  /** Where the bucket is ("EU"). */
  location(): Promise<string>;
};

const manifestName = (prefix: string): string => `${prefix}manifest.json`;

/** How objects are written: parts of so many bytes, given up when Cloud Storage takes nothing of them for so long. */
export type StagingLimits = { maxPartBytes: number; callTimeoutSeconds: number };

/** The client is opened when it is first needed. */
export function createStaging(
  openStorage: () => Promise<Storage>,
  bucketName: string,
  limits: StagingLimits,
): Staging {
  const { callTimeoutSeconds } = limits;
  const openBucket = async (): Promise<Bucket> => (await openStorage()).bucket(bucketName);
  const staging: Staging = {
    async openBatch(prefix) {
      const bucket = await openBucket();
      const written = { upserts: 0, deletes: 0 };
      return {
        write(set, lines, signal) {
          const nextName = () => `${prefix}${set}-${String(written[set]++).padStart(5, '0')}.ndjson.gz`;
          return stageLines(lines, { bucket, nextName, ...limits, signal });
        },
        async writeManifest(content) {
          const text = JSON.stringify(content);
          const saved = bucket.file(manifestName(prefix)).save(text, {
            resumable: false,
            contentType: 'application/json',
            preconditionOpts: { ifGenerationMatch: 0 },
          });
          await withRequestTimeout(callTimeoutSeconds, saved).catch(async (error: unknown) => {
            // The client repeats a save whose answer was lost, and then meets its own object.
            if (codeOf(error) !== 412) throw fromGoogle(error, `staged object ${manifestName(prefix)}`);
            if (JSON.stringify(await staging.readManifest(prefix)) !== text) {
              throw batchIdCollision(manifestName(prefix), error);
            }
          });
        },
      };
    },

    async readManifest(prefix) {
      const name = manifestName(prefix);
      const bucket = await openBucket();
      try {
        const [content] = await withRequestTimeout(callTimeoutSeconds, downloadOnce(bucket, name).download());
        return manifest.parse(JSON.parse(content.toString('utf8')));
      } catch (error) {
        if (codeOf(error) === 404) return null;
        if (error instanceof SyntaxError || (error instanceof Error && error.name === 'ZodError')) {
          throw new DataHubError('staging_lost', `staged object ${name} is damaged: ${error.message}`, {
            cause: error,
          });
        }
        throw fromGoogle(error, `staged object ${name}`);
      }
    },

    async missing(content) {
      const bucket = await openBucket();
      const there = await Promise.all(
        content.objects.map(async ({ name }) => {
          const [exists] = await bucket
            .file(name)
            .exists()
            .catch((error: unknown) => {
              throw fromGoogle(error, `staged object ${name}`);
            });
          return exists;
        }),
      );
      return content.objects.map(({ name }) => name).filter((_, i) => there[i] !== true);
    },

    async assertWhole(content) {
      const bucket = await openBucket();
      await Promise.all(
        content.objects.map(async ({ name, md5 }) => {
          const [metadata] = await bucket
            .file(name)
            .getMetadata()
            .catch((error: unknown) => {
              throw codeOf(error) === 404
                ? damaged(name, 'it is gone', error)
                : fromGoogle(error, `staged object ${name}`);
            });
          if (metadata.md5Hash !== md5) throw damaged(name, 'it is not the object that was staged');
        }),
      );
    },

    async *readLines(object, signal) {
      yield* readLines(await openBucket(), object, signal, callTimeoutSeconds);
    },

    readStreamHighWater: async (view) => readStreamHighWater(await openBucket(), view),
    writeStreamHighWater: async (view, batch, before) =>
      writeStreamHighWater(await openBucket(), view, batch, before, callTimeoutSeconds),

    uri: ({ name }) => `gs://${bucketName}/${name}`,

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
