import { DataHubError } from '../errors.ts';
import type { OperationOf } from '../events/operation-event.ts';
import type { Dependencies } from '../runtime/dependencies.ts';
import { describeView } from '../source/describe-view.ts';
import { copyOut, loggedKeysStatement } from '../source/fetch.ts';
import { badKeysAmong } from '../source/key-type.ts';
import { findKeysLoggedSince } from '../source/recheck.ts';
import { inSnapshot } from '../source/snapshot.ts';
import { requestRecorded } from './request-extract.ts';

/**
 * Queues keys to be fetched whatever the log says, and requests a batch at once. They stay queued until a batch that took them is applied.
 * Throws `invalid_event` naming the keys that are not values of the key's type.
 */
export async function queueKeys({ view, keys }: OperationOf<'keys'>, dependencies: Dependencies) {
  const { config, control, events, source } = dependencies;
  const viewSource = await control.viewSources.get(view);
  const bad = await inSnapshot(source, async (client) => {
    const { keyType } = await describeView(client, viewSource, config.contentTypeTable);
    return await badKeysAmong(client, keyType, keys);
  });
  if (bad.length > 0) {
    throw new DataHubError(
      'invalid_event',
      `view ${view}: these keys are not values of the key's type: ${bad.join(', ')}`,
      { context: { view }, advice: 'Leave these keys out, or correct them, and call again.' },
    );
  }
  await control.queuedKeys.add(view, keys, 'backfill');
  await requestRecorded(view, 'keys', events);
  return { outcome: 'keys queued', view, keysQueued: keys.length };
}

/**
 * Queues the keys of all log rows since a point in time, and requests a batch at once. It repairs a target when log rows became visible
 * before their data.
 */
export async function recheck({ view, since }: OperationOf<'recheck'>, dependencies: Dependencies) {
  const { config, control, events, source } = dependencies;
  const viewSource = await control.viewSources.get(view);
  const keysQueued = await inSnapshot(source, async (client) => {
    const described = await describeView(client, viewSource, config.contentTypeTable);
    const keys = await findKeysLoggedSince(client, described, config.changeLogTable, since);
    if (keys > 0) {
      await copyOut(client, loggedKeysStatement(described), (lines) =>
        control.queuedKeys.addRechecks(view, 0, lines),
      );
    }
    return keys;
  });
  if (keysQueued === 0) return { outcome: 'nothing to recheck', view, keysQueued };
  await requestRecorded(view, 'recheck', events);
  return { outcome: 'keys queued', view, keysQueued };
}
