import { DataHubError } from '../../shared/errors.ts';
import {
  changedSettings,
  definitionChange,
  type ViewFingerprint,
} from '../../shared/model/view-fingerprint.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import type { Extraction } from './extraction.ts';
import type { BatchResult } from './hand-over.ts';

/**
 * Whether the rows in the target were computed by another definition than `now`. A capture would carry only those rows that the log names.
 * An upgrade of the server that changed nothing else is recorded, and the view goes on.
 */
export async function isReplaced(
  { stored, lease }: Extraction,
  now: ViewFingerprint,
  { control, log }: Dependencies,
): Promise<boolean> {
  const before = stored?.definition ?? null;
  const change = definitionChange(before, now);
  if (change === 'server') {
    log.warn({ view: lease.view, before: before?.serverMajor, now: now.serverMajor }, 'server upgraded');
    await control.schemaChanges.record(lease, {
      kind: 'server',
      action: 'recorded',
      details: { before, now },
    });
  }
  return change === 'replaced' || change === 'settings';
}

/**
 * Requests a resync of a view that was replaced or computes under other settings, or throws `schema_drift` where the view source wants it
 * halted.
 */
export async function handleReplaced(
  { source, stored, lease }: Extraction,
  now: ViewFingerprint,
  { control, log }: Dependencies,
): Promise<BatchResult> {
  const view = source.name;
  const before = stored?.definition ?? null;
  const kind = definitionChange(before, now) === 'settings' ? 'settings' : 'replaced';
  const settings = before === null ? [] : changedSettings(before, now);
  const details = { before, now };
  if (source.viewChanges === 'halt') {
    await control.schemaChanges.record(lease, { kind, action: 'halt', details });
    throw new DataHubError(
      'schema_drift',
      kind === 'settings'
        ? `view ${view} computes under other settings than when its rows were loaded: ${settings.join(', ')}`
        : `view ${view}, or a view or function behind it, was replaced after its rows were loaded`,
      {
        context: { view },
        advice: `Rows that nobody changes keep their old values in the target. Send {"view":"${view}","resync":true} to load the view again.`,
      },
    );
  }
  if (kind === 'settings') log.warn({ view, settings }, 'settings changed: resync requested');
  else log.warn({ view }, 'view replaced: resync requested');
  await control.schemaChanges.requestResync(lease, { kind, action: 'resync', details });
  return { outcome: 'resync requested', view };
}
