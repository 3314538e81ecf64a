import { html } from '../html.ts';
import type { Page } from '../layout.ts';

/** The login page. @param said what was wrong with the last attempt; null: this is the first */
export const loginPage = (to: string, said: string | null): Page => ({
  title: 'Sign in',
  isBare: true,
  body: html`<form class="login" method="post" action="/login">
<h1>Sign in</h1>
${said === null ? null : html`<p class="trouble" role="alert">${said}</p>`}
<input type="hidden" name="to" value="${to}">
<label><span>Name</span><input name="user" required maxlength="100" autocomplete="username" autocapitalize="none" spellcheck="false" autofocus></label>
<label><span>Password</span><input name="password" type="password" required maxlength="1000" autocomplete="current-password"></label>
<button type="submit">Sign in</button>
</form>`,
});
