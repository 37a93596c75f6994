import { feederOf } from '../../shared/batch/own-target.ts';
import type { ViewSource } from '../../shared/model/view-source.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import type { FoundTable } from '../../shared/warehouse/found-table.ts';
import type { Extraction } from './extraction.ts';

/** Whether the target has the id of this installation, and that is recorded. */
export async function isLabelled(
  { targetInstallation }: ViewSource,
  target: FoundTable | null,
  { control }: Dependencies,
): Promise<boolean> {
  const id = await control.installation.id();
  return target?.installation === id && targetInstallation === id;
}

/** Gives the target, which was like `before` (null if there was none), the id of this installation. From then on, another one halts the view. */
export async function labelTarget(
  { source, lease }: Extraction,
  before: FoundTable | null,
  dependencies: Dependencies,
): Promise<void> {
  const { control, log, warehouse } = dependencies;
  const id = await control.installation.id();
  const feeder = before === null ? null : await feederOf(source, before, dependencies);
  if (feeder !== null) {
    const details = { from: feeder.other, to: id };
    log.warn({ view: source.name, ...details }, 'target taken over');
    await control.schemaChanges.record(lease, { kind: 'installation', action: 'taken over', details });
  }
  if (before?.installation !== id) await warehouse.setInstallation({ target: source.targetName }, id);
  // After the label: what is recorded here was set once.
  await control.installation.noteTarget(lease, id);
}
