/**
 * What is done when the login ended while somebody was typing: they log in again in another tab, and go on here.
 */
import { h } from './dom.js';
import { openDialog } from './dialogs.js';

/**
 * Wait until the user has logged in again as the same person; false when they will not.
 *
 * @param {{prefix: string, user: string, who: () => Promise<string | null>}} options
 * @returns {Promise<boolean>}
 */
export function renewSession({ prefix, user, who }) {
  return new Promise(resolve => {
    let renewed = false;
    const said = h('p', { role: 'alert', class: 'wl-bad' });
    const link = h(
      'a',
      { href: prefix, target: '_blank', rel: 'noopener', class: 'btn btn-primary btn-sm' },
      'Log in again'
    );
    const look = async () => {
      const found = await who().catch(() => null);
      if (found === user) {
        renewed = true;
        dialog.close();
      } else {
        said.textContent = found
          ? `You are logged in as ${found} now; this page was opened by ${user}.`
          : 'You are not logged in yet.';
      }
    };
    const dialog = openDialog({
      title: 'Your session has ended',
      body: [
        h('p', {}, 'Nothing you typed is lost. Log in again in a new tab, then come back and go on.'),
        h('p', {}, link),
        said
      ],
      actions: [
        {
          label: 'Go on',
          act: () => {
            void look();
            return false;
          }
        }
      ],
      closeLabel: 'Not now',
      onclose: () => {
        window.removeEventListener('focus', look);
        resolve(renewed);
      }
    });
    window.addEventListener('focus', look);
  });
}
