import type { ViewStatus } from '../../../shared/control/status.ts';
import type { DataHubError } from '../../../shared/errors.ts';
import type { ViewSource } from '../../../shared/model/view-source.ts';
import type { Dependencies } from '../../../shared/runtime/dependencies.ts';
import type { Html } from '../ui/html.ts';
import type { Field, Values } from './field.ts';

/** A view, as an action finds it. */
export type Subject = { source: ViewSource; status: ViewStatus; dependencies: Dependencies };

/** What an action would do now. */
export type Preview = {
  /** What will happen, sentence by sentence. */
  sentences: readonly (string | Html)[];
  counts?: readonly (readonly [name: string, value: Html | string])[];
  /** Why it cannot be done now. */
  refused?: string;
  /** Why source or BigQuery did not tell. `isNeeded`: the action needs them itself, so that it cannot be done now. */
  unknown?: { error: Pick<DataHubError, 'message' | 'advice'>; isNeeded: boolean };
};

/** Whether the action can be done now: otherwise no button is shown, and a form that is sent nevertheless is refused. */
export const isPossible = ({ refused, unknown }: Preview): boolean =>
  refused === undefined && unknown?.isNeeded !== true;

/** What an operator can do with a view. */
export type Action = {
  /** The last part of its address. */
  path: string;
  title: string;
  /** What it is for. */
  about: string;
  /** On the button that does it. */
  button: string;
  /** It changes much: the operator types the name of the view, and says why. */
  isTyped?: true;
  /** `extract` does what touches source or BigQuery: it is asked by a message. */
  runsIn: 'admin' | 'extract';
  /** What the preview needs to know first. */
  input: readonly Field[];
  /** What the operator decides with the preview in view. */
  options?: (subject: Subject) => readonly Field[];
  /** The payload of a call of `extract` that asks for the same. */
  payload: (subject: Subject, values: Values) => Record<string, unknown>;
  preview: (subject: Subject, values: Values) => Promise<Preview>;
  /** What was done, in a sentence. */
  done: (view: string, result: Readonly<Record<string, unknown>>) => string;
  /** Where its effect can be seen, such as at its entry in the audit; the page of the view, if it is left out. */
  effect?: (view: string, entry: string) => string;
};
