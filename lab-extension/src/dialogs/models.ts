/** The dialogs about registered models, to be fetched together: they are small, and share most of what they need. */
export { openAnswerDialog, type Decision } from './promote/answer';
export { openEvaluateDialog } from './promote/evaluate';
export { openPromoteDialog } from './promote';
export { openRegisterDialog } from './register';
