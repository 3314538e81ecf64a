import { type Html, html } from '../html.ts';
import type { Viewer } from '../sign-in/visitor.ts';

/** Why a page has no buttons. */
export const whyReadOnly = ({ name }: Viewer): Html =>
  name === null
    ? html`Changes require a login: set <code>DASHBOARD_USER</code> and <code>DASHBOARD_PASSWORD</code>, or <code>DASHBOARD_USERS_FILE</code>.`
    : html`Your role is <code>look</code>: changes require the role <code>act</code>.`;
