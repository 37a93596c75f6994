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
import { type ObjectProperties, StoredObject } from './object-resource.ts';
import type { Content } from './pending-content.ts';
import { demand, type Preconditions } from './preconditions.ts';
import { conflict, notFound } from './storage-error.ts';

/** A future object without its content. */
export interface ObjectDraft {
  readonly bucket: string;
  readonly name: string;
  readonly properties: ObjectProperties;
}

const UPLOADS = '.uploads';
const BUCKET_FILE = 'bucket.json';

/**
 * Buckets and objects in a folder. `<bucket>/<generation>.content` holds the bytes of an object; the object exists as soon as
 * `<bucket>/<generation>.json`, its metadata, exists. An index of the metadata is in memory.
 *
 * Every change is one synchronous step. So no other request comes between a precondition and the change that depends on it, a
 * change is seen by every later request (https://cloud.google.com/storage/docs/consistency), and it is whole after a kill.
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

  /** Collects content that is not yet an object; emptied at every start. */
  get uploadFolder(): string {
    return join(this.#folder, UPLOADS);
  }

  bucket(name: string): StoredBucket {
    return this.#entry(name).bucket;
  }

  insertBucket({ name, location, ...rest }: BucketInsert): StoredBucket {
    if (this.#buckets.has(name)) throw conflict(`The bucket ${name} exists already.`);
    const now = new Date().toISOString();
    // Cloud Storage answers locations in capitals: https://cloud.google.com/storage/docs/locations
    const bucket = StoredBucket.parse({
      ...rest,
      name,
      location: location.toUpperCase(),
      metageneration: '1',
      timeCreated: now,
      updated: now,
    });
    // A killed process may have left the folder without the file.
    mkdirSync(join(this.#folder, name), { recursive: true });
    this.#writeWhole(join(this.#folder, name, BUCKET_FILE), bucket);
    this.#buckets.set(name, { bucket, objects: new Map() });
    return bucket;
  }

  /** In the order of their names, by UTF-16 code unit. Cloud Storage's order, by UTF-8 byte, differs for rare characters only. */
  objects(bucket: string): StoredObject[] {
    return [...this.#entry(bucket).objects.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  find(bucket: string, name: string): StoredObject | undefined {
    return this.#entry(bucket).objects.get(name);
  }

  /** The live object. @throws StorageError 404 also for another generation than the live one. */
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

  /** Makes the content the live generation of its object, if the preconditions hold now. */
  insert(draft: ObjectDraft, content: Content, preconditions: Preconditions): StoredObject {
    const { bucket, name, properties } = draft;
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
      md5Hash: content.md5Hash,
      timeCreated: now,
      updated: now,
    };
    renameSync(content.path, this.contentPath(object));
    this.#writeWhole(this.#metadataPath(object), object);
    objects.set(name, object);
    if (previous) this.#removeFiles(previous);
    return object;
  }

  /** A download that has begun goes on to its end. */
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

  /** Microseconds of the clock, but always higher than before: https://cloud.google.com/storage/docs/metadata#generation-number */
  #nextGeneration(): string {
    this.#lastGeneration = Math.max(Date.now() * 1000, this.#lastGeneration + 1);
    return String(this.#lastGeneration);
  }

  #metadataPath({ bucket, generation }: StoredObject): string {
    return join(this.#folder, bucket, `${generation}.json`);
  }

  /** A reader of the file sees the old value or the new one, never a part of one. */
  #writeWhole(path: string, value: unknown): void {
    writeFileSync(`${path}.new`, JSON.stringify(value));
    renameSync(`${path}.new`, path);
  }

  /** Metadata first, since content without metadata is no object. */
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
      // A process that was killed between writing a generation and removing the one before leaves both.
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
