// The console of the cloud. Start reading at shell/cloud-app.js.
import './shell/cloud-app.js';
