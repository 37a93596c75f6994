import { type Html, html } from '../ui/html.ts';
import type { User } from './user.ts';

/**
 * The rule of row values: operators see them, viewers see counts and classes, such as the kind of a failure and the class of a difference. A key is a
 * value of its row, so the rule holds for keys, too. Every page, list and file asks here.
 */
export const seesRows = ({ role }: Pick<User, 'role'>): boolean => role === 'operator';

/** A text that the functions wrote, such as the message or the advice of a failure: it may name keys. Reasons that operators give are no such text. */
export const rowText = (text: string, user: Pick<User, 'role'>): Html | string =>
  seesRows(user) ? text : html`<span class="none">(for operators: it may name keys)</span>`;
