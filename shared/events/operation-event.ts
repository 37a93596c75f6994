import { z } from 'zod';
import { ERROR_KINDS } from '../errors.ts';
import { KINDS } from '../model/batch.ts';
import { NEXT, type State } from '../model/batch-states.ts';
import { warehouseName } from '../model/entry-names.ts';
import { text } from '../model/text.ts';
import type { ViewSourceEntry } from '../model/view-source-entry.ts';
import { viewSourceImportFile } from '../model/view-source-import.ts';
import { checkOptions, hasOneMode, ONE_MODE } from './check-options.ts';
import { asked, failureId, place, reason, time, view } from './event-fields.ts';

type Entries = { entries: ViewSourceEntry[] };
/** The scope `views` leaves out what is around the view sources. */
type DryRunImport = Entries & { command: 'dryRunImport'; scope?: 'installation' | 'views' };
/** `seen` is the fingerprint of the stored view sources that the asker has looked at, if others may have changed them meanwhile. */
type Import = Entries & { command: 'import'; seen?: string };

const LISTED_STATES = ['in flight', ...(Object.keys(NEXT) as State[])] as const;

/** The operations that an operator can ask for, by the field that tells them apart (shared/operations). */
export const operations = {
  import: z
    .strictObject({ ...viewSourceImportFile.shape, dryRun: z.literal(true).optional(), ...asked })
    .transform((event): DryRunImport | Import =>
      event.dryRun === true
        ? { command: 'dryRunImport', entries: event.import }
        : { command: 'import', entries: event.import },
    ),
  check: z
    .strictObject({ check: z.literal(true), view: view.optional() })
    .transform(({ view }) => ({ command: 'check' as const, view })),
  reconcile: z
    .strictObject({ view: view.optional(), reconcile: z.literal(true), ...checkOptions, ...asked })
    .refine(hasOneMode, ONE_MODE)
    .transform(({ view, reconcile: _, by, why: _why, requestId: _requestId, ...options }) => ({
      command: 'reconcile' as const,
      view,
      by: by ?? null,
      options,
    })),
  dryRun: z
    .strictObject({ dryRun: z.literal(true), view: view.optional() })
    .transform(({ view }) => ({ command: 'dryRun' as const, view })),
  pause: z
    .strictObject({ view, pause: z.union([z.literal(true), reason]), until: time.optional(), ...asked })
    .transform(({ view, pause, until, by, why }) => ({
      command: 'pause' as const,
      view,
      why: pause === true ? (why ?? null) : pause,
      by: by ?? null,
      ...(until !== undefined && { until: new Date(until) }),
    })),
  halt: z
    .strictObject({ view, halt: reason, ...asked })
    .transform(({ view, halt, by }) => ({ command: 'halt' as const, view, reason: halt, by: by ?? null })),
  resync: z
    .strictObject({ view, resync: z.boolean(), acceptDeletes: z.boolean().default(false), ...asked })
    .refine(({ resync, acceptDeletes }) => resync || !acceptDeletes, {
      error: 'needs "resync": true',
      path: ['acceptDeletes'],
    })
    .transform(({ view, resync, acceptDeletes }) => ({
      command: 'resync' as const,
      view,
      isWanted: resync,
      acceptsDeletes: acceptDeletes,
    })),
  loadType: z
    .strictObject({ view, loadType: z.enum(['merge', 'bq-storage-api']), target: warehouseName, ...asked })
    .transform(({ view, loadType, target }) => ({ command: 'loadType' as const, view, loadType, target })),
  logFloor: z.strictObject({ logFloor: z.literal(true) }).transform(() => ({ command: 'logFloor' as const })),
  recheck: z
    .strictObject({ view, recheck: time, ...asked })
    .transform(({ view, recheck }) => ({ command: 'recheck' as const, view, since: new Date(recheck) })),
  forget: z
    .strictObject({ view, forget: z.literal(true), confirm: text.max(200).optional(), ...asked })
    .transform(({ view, confirm }) => ({ command: 'forget' as const, view, confirmation: confirm })),
  purgeDeletedBefore: z
    .strictObject({
      view,
      purgeDeletedBefore: time,
      confirm: text.max(200).optional(),
      ...asked,
    })
    .transform(({ view, purgeDeletedBefore, confirm }) => ({
      command: 'purge' as const,
      view,
      before: new Date(purgeDeletedBefore),
      confirmation: confirm,
    })),
  redrive: z
    .union([
      z.strictObject({ view, redrive: z.literal(true), ...asked }),
      z.strictObject({ redrive: z.array(failureId).min(1).max(1000), ...asked }),
    ])
    .transform((event) =>
      'view' in event
        ? { command: 'redriveView' as const, view: event.view }
        : { command: 'redriveEvents' as const, failures: event.redrive },
    ),
  resolve: z
    .union([
      z.strictObject({ resolve: z.array(failureId).min(1).max(1000), ...asked }),
      z.strictObject({ resolve: z.enum(ERROR_KINDS), view: view.optional(), ...asked }),
      z.strictObject({ resolve: z.literal(true), view, ...asked }),
    ])
    .transform((event) =>
      Array.isArray(event.resolve)
        ? { command: 'resolve' as const, failures: event.resolve }
        : {
            command: 'resolveAll' as const,
            ...(event.resolve !== true && { kind: event.resolve }),
            ...('view' in event && event.view !== undefined && { view: event.view }),
          },
    ),
  history: z
    .strictObject({
      history: z.literal(true),
      view: view.optional(),
      limit: z.number().int().min(1).max(1000).default(20),
      before: place.optional(),
      state: z.enum(LISTED_STATES).optional(),
      kind: z.enum(KINDS).optional(),
    })
    .transform(({ history: _, ...event }) => ({ command: 'history' as const, ...event })),
  failures: z
    .strictObject({
      failures: z.enum(['open', 'resolved']),
      view: view.optional(),
      kind: z.enum(ERROR_KINDS).optional(),
    })
    .transform(({ failures, view, kind }) => ({
      command: 'failures' as const,
      view,
      kind,
      isOpen: failures === 'open',
    })),
  row: z
    .strictObject({ view, row: text.min(1).max(1000), readTarget: z.boolean().default(false) })
    .transform(({ view, row, readTarget }) => ({
      command: 'row' as const,
      view,
      key: row,
      mayRead: readTarget,
    })),
  export: z.strictObject({ export: z.literal(true) }).transform(() => ({ command: 'export' as const })),
  status: z
    .strictObject({ status: z.literal(true), view: view.optional() })
    .transform(({ view }) => ({ command: 'status' as const, view })),
  resume: z
    .strictObject({ view, resume: z.literal(true), ...asked })
    .transform(({ view }) => ({ command: 'resume' as const, view })),
  run: z
    .strictObject({ view, run: z.literal(true), ...asked })
    .transform(({ view }) => ({ command: 'run' as const, view })),
  acceptCost: z
    .strictObject({ view, acceptCost: z.literal(true), ...asked })
    .transform(({ view }) => ({ command: 'acceptCost' as const, view })),
  keys: z
    .strictObject({ view, keys: z.array(z.union([text, z.number().int()])).min(1), ...asked })
    .transform(({ view, keys }) => ({ command: 'keys' as const, view, keys: keys.map(String) })),
};

/** What an operator can ask for. */
export type Operation = z.output<(typeof operations)[keyof typeof operations]>;
export type OperationOf<Command extends Operation['command']> = Extract<Operation, { command: Command }>;
