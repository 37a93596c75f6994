import type { Readable } from 'node:stream';
import type { Bucket, Storage } from '@google-cloud/storage';
import { DataHubError } from '../errors.ts';
import { codeOf, fromGoogle } from '../google-errors.ts';
import { type Manifest, manifest, type StagedObject } from './manifest.ts';
import { numberReused, stageLines } from './stage-lines.ts';

export type { Manifest, StagedObject };

/** Writes the objects of one batch, below its own prefix `<view>/<etl transaction>/`. */
export type BatchWriter = {
  /** Writes lines as the next parts of a set; concurrent calls get part numbers of their own. */
  write(set: 'upserts' | 'deletes', lines: Readable, signal: AbortSignal): Promise<StagedObject[]>;
  /** Written last: from then on the batch is whole. One that is there and differs throws `number_reused`. */
  writeManifest(content: Manifest): Promise<void>;
};

export type Staging = {
  openBatch(prefix: string): BatchWriter;
  /** Null when the batch has none. */
  readManifest(prefix: string): Promise<Manifest | null>;
  /** The names that the manifest lists and the bucket does not have. */
  missing(content: Manifest): Promise<string[]>;
  uri(object: StagedObject): string;
  /** Where the bucket is ("EU"). */
  location(): Promise<string>;
};

const manifestName = (prefix: string): string => `${prefix}manifest.json`;

export function createStaging(storage: Storage, bucketName: string, maxPartBytes: number): Staging {
  const bucket: Bucket = storage.bucket(bucketName);
  const staging: Staging = {
    openBatch(prefix) {
      const written = { upserts: 0, deletes: 0 };
      return {
        write(set, lines, signal) {
          const nextName = () => `${prefix}${set}-${String(written[set]++).padStart(5, '0')}.ndjson.gz`;
          return stageLines(lines, { bucket, nextName, maxPartBytes, signal });
        },
        async writeManifest(content) {
          const text = JSON.stringify(content);
          await bucket
            .file(manifestName(prefix))
            .save(text, {
              resumable: false,
              contentType: 'application/json',
              preconditionOpts: { ifGenerationMatch: 0 },
            })
            .catch(async (error: unknown) => {
              // The client repeats a save whose answer was lost, and then meets its own object.
              if (codeOf(error) !== 412) throw fromGoogle(error, `staged object ${manifestName(prefix)}`);
              if (JSON.stringify(await staging.readManifest(prefix)) !== text) {
                throw numberReused(manifestName(prefix), error);
              }
            });
        },
      };
    },

    async readManifest(prefix) {
      const name = manifestName(prefix);
      try {
        const [content] = await bucket.file(name).download();
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

    uri: ({ name }) => `gs://${bucketName}/${name}`,

    async location() {
      const [metadata] = await bucket.getMetadata().catch((error: unknown) => {
        throw fromGoogle(error, `staging bucket ${bucketName}`);
      });
      return String(metadata.location);
    },
  };
  return staging;
}
