import { api, Refused } from './api';
import { el, say } from './dom';

/** @param why Said above the form, for example that the session has ended. */
export function signIn(why: string, done: () => void): HTMLElement {
  const problem = el('p', { class: 'problem', id: 'problem', role: 'alert' });
  const token = el('input', {
    id: 'token', name: 'token', type: 'password', required: true, autocomplete: 'current-password', spellcheck: 'false', autocapitalize: 'none',
    'aria-describedby': 'token-help problem',
  });
  const button = el('button', { type: 'submit', class: 'primary' }, 'Sign in');

  async function submit(): Promise<void> {
    button.disabled = true;
    say(problem, '');
    try {
      await api.signIn(token.value.trim());
      token.value = '';
      done();
    } catch (failure) {
      token.setAttribute('aria-invalid', 'true');
      say(problem, whyNot(failure));
      token.select();
      token.focus();
    } finally {
      button.disabled = false;
    }
  }

  const form = el(
    'form', {
      submit: (event: SubmitEvent) => {
        event.preventDefault();
        void submit();
      },
    },
    el('label', { for: 'token' }, 'Viewer token'), token,
    el('p', { id: 'token-help', class: 'help' }, 'Whoever runs your server has given it to you. It is kept nowhere on this device.'),
    problem, button);
  return el(
    'main', { class: 'sign-in' },
    el('img', { src: '/icon.svg', alt: '', width: 56, height: 56 }),
    el('h1', {}, 'Your house, now and back then'),
    why && el('p', { class: 'why', role: 'status' }, why),
    form);
}

function whyNot(failure: unknown): string {
  if (!(failure instanceof Refused)) {
    throw failure;
  }

  switch (failure.status) {
    case 401: return 'That is no viewer token of this server, or it has expired.';
    case 429: return 'Too many failed attempts from here. Wait a minute, then try again.';
    default: return failure.sentence;
  }
}
