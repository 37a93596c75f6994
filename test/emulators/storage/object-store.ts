import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type BucketInsert, StoredBucket } from './bucket-resource.ts';
import {
  type ObjectPatch,
  type ObjectProperties,
  patchedProperties,
  StoredObject,
} from './object-resource.ts';
import type { Content } from './pending-content.ts';
import { demand, type Preconditions } from './preconditions.ts';
import { conflict, notFound } from './storage-error.ts';

/** What becomes an object, besides its content. */
export interface ObjectDraft {
  readonly bucket: string;
  readonly name: string;
  readonly properties: ObjectProperties;
  /** Set for an object composed of others: it has no MD5, as with Cloud Storage. */
  readonly componentCount?: number;
}

const UPLOADS = '.uploads';
const BUCKET_FILE = 'bucket.json';

/**
 * Buckets and objects in a folder: `<bucket>/<generation>.json` is an object's metadata and, by its appearance, the
 * moment the object exists; `<bucket>/<generation>.content` holds its bytes. An index of the metadata is in memory.
 *
 * Every change is one synchronous step, so that a precondition and the change that depends on it cannot be
 * separated by another request, and is whole after the process was killed at any moment.
 */
export class ObjectStore {
  readonly #folder: string;
  readonly #buckets = new Map<string, { bucket: StoredBucket; objects: Map<string, StoredObject> }>();
  #lastGeneration = 0;

  constructor(folder: string) {
    this.#folder = folder;
    rmSync(this.uploadFolder, { recursive: true, force: true });
    mkdirSync(this.uploadFolder, { recursive: true });
    for (const entry of readdirSync(folder)) {
      if (existsSync(join(folder, entry, BUCKET_FILE))) this.#load(entry);
    }
  }

  /** Where content is collected before it becomes an object; emptied at every start. */
  get uploadFolder(): string {
    return join(this.#folder, UPLOADS);
  }

  buckets(): StoredBucket[] {
    return [...this.#buckets.values()].map(({ bucket }) => bucket).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  bucket(name: string): StoredBucket {
    return this.#entry(name).bucket;
  }

  insertBucket({ name, location, ...rest }: BucketInsert): StoredBucket {
    if (this.#buckets.has(name)) throw conflict(`The bucket ${name} exists already.`);
    const now = new Date().toISOString();
    // Cloud Storage answers locations in capitals, however they were given.
    const bucket = StoredBucket.parse({
      ...rest,
      name,
      location: location.toUpperCase(),
      metageneration: '1',
      timeCreated: now,
      updated: now,
    });
    // The folder is there without the file if the process ended in between.
    mkdirSync(join(this.#folder, name), { recursive: true });
    this.#writeWhole(join(this.#folder, name, BUCKET_FILE), bucket);
    this.#buckets.set(name, { bucket, objects: new Map() });
    return bucket;
  }

  patchBucket(name: string, patch: Record<string, unknown>): StoredBucket {
    const entry = this.#entry(name);
    entry.bucket = StoredBucket.parse({
      ...entry.bucket,
      ...patch,
      name,
      location: entry.bucket.location,
      metageneration: String(Number(entry.bucket.metageneration) + 1),
      updated: new Date().toISOString(),
    });
    this.#writeWhole(join(this.#folder, name, BUCKET_FILE), entry.bucket);
    return entry.bucket;
  }

  deleteBucket(name: string): void {
    const { objects } = this.#entry(name);
    if (objects.size > 0) throw conflict('The bucket you tried to delete is not empty.');
    rmSync(join(this.#folder, name), { recursive: true });
    this.#buckets.delete(name);
  }

  /** Names are ordered by UTF-16 code unit, which is Cloud Storage's order for all but rare characters. */
  objects(bucket: string): StoredObject[] {
    return [...this.#entry(bucket).objects.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  find(bucket: string, name: string): StoredObject | undefined {
    return this.#entry(bucket).objects.get(name);
  }

  /** The live object; one named by a generation that is not live is not found. */
  get(bucket: string, name: string, generation?: string): StoredObject {
    const object = this.find(bucket, name);
    if (!object || (generation !== undefined && generation !== object.generation)) {
      throw notFound(`No such object: ${bucket}/${name}`);
    }
    return object;
  }

  contentPath({ bucket, generation }: StoredObject): string {
    return join(this.#folder, bucket, `${generation}.content`);
  }

  /** Makes the content the live generation of its object, if the preconditions hold at this moment. */
  insert(draft: ObjectDraft, content: Content, preconditions: Preconditions): StoredObject {
    const { bucket, name, properties, componentCount } = draft;
    const { objects } = this.#entry(bucket);
    const previous = objects.get(name);
    demand(preconditions, previous);
    const now = new Date().toISOString();
    const object: StoredObject = {
      ...properties,
      contentType: properties.contentType ?? 'application/octet-stream',
      bucket,
      name,
      generation: this.#nextGeneration(),
      metageneration: '1',
      size: String(content.size),
      crc32c: content.crc32c,
      ...(componentCount === undefined ? { md5Hash: content.md5Hash } : { componentCount }),
      timeCreated: now,
      updated: now,
    };
    renameSync(content.path, this.contentPath(object));
    this.#writeWhole(this.#metadataPath(object), object);
    objects.set(name, object);
    if (previous) this.#removeFiles(previous);
    return object;
  }

  patch(bucket: string, name: string, patch: ObjectPatch, preconditions: Preconditions): StoredObject {
    const live = this.get(bucket, name);
    demand(preconditions, live);
    const object = StoredObject.parse({
      ...patchedProperties(live, patch),
      bucket,
      name,
      generation: live.generation,
      metageneration: String(Number(live.metageneration) + 1),
      size: live.size,
      md5Hash: live.md5Hash,
      crc32c: live.crc32c,
      componentCount: live.componentCount,
      timeCreated: live.timeCreated,
      updated: new Date().toISOString(),
    });
    this.#writeWhole(this.#metadataPath(object), object);
    this.#entry(bucket).objects.set(name, object);
    return object;
  }

  /** A reader that has the content open keeps it. */
  delete(bucket: string, name: string, preconditions: Preconditions, generation?: string): void {
    const object = this.get(bucket, name, generation);
    demand(preconditions, object);
    this.#entry(bucket).objects.delete(name);
    this.#removeFiles(object);
  }

  #entry(name: string) {
    const entry = this.#buckets.get(name);
    if (!entry) throw notFound('The specified bucket does not exist.');
    return entry;
  }

  /** Microseconds of the clock, as Cloud Storage numbers generations, and never the same or lower again. */
  #nextGeneration(): string {
    this.#lastGeneration = Math.max(Date.now() * 1000, this.#lastGeneration + 1);
    return String(this.#lastGeneration);
  }

  #metadataPath({ bucket, generation }: StoredObject): string {
    return join(this.#folder, bucket, `${generation}.json`);
  }

  /** A reader of the file sees the old value or the new one, never a part. */
  #writeWhole(path: string, value: unknown): void {
    writeFileSync(`${path}.new`, JSON.stringify(value));
    renameSync(`${path}.new`, path);
  }

  /** Metadata first: content without metadata is no object. */
  #removeFiles(object: StoredObject): void {
    unlinkSync(this.#metadataPath(object));
    unlinkSync(this.contentPath(object));
  }

  #load(name: string): void {
    const folder = join(this.#folder, name);
    const bucket = StoredBucket.parse(readJson(join(folder, BUCKET_FILE)));
    const files = readdirSync(folder);
    const objects = new Map<string, StoredObject>();
    const stored = files
      .filter((file) => /^\d+\.json$/.test(file))
      .map((file) => StoredObject.parse(readJson(join(folder, file))))
      .sort((a, b) => Number(a.generation) - Number(b.generation));
    for (const object of stored) {
      // An older generation is left over if the process ended between writing the new one and removing it.
      const older = objects.get(object.name);
      if (older) this.#removeFiles(older);
      objects.set(object.name, object);
      this.#lastGeneration = Math.max(this.#lastGeneration, Number(object.generation));
    }
    const live = new Set([...objects.values()].map(({ generation }) => `${generation}.content`));
    for (const file of files) {
      if (file.endsWith('.new') || (file.endsWith('.content') && !live.has(file))) {
        rmSync(join(folder, file), { force: true });
      }
    }
    this.#buckets.set(name, { bucket, objects });
  }
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'));
}
