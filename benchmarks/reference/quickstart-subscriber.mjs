// A notification service in the quickstart's style: one mail or one push message for each delivery, no claims.
// The argument selects the notification: email, push, or nothing.
import axios from 'axios';
import express from 'express';
import nodemailer from 'nodemailer';

const [, , sends] = process.argv;
const transport = nodemailer.createTransport(process.env.SMTP_URL);

const notify = {
  email: ({ follower, followee }) =>
    transport.sendMail({
      from: 'followers@example.test',
      to: `${followee}@example.test`,
      subject: `${follower} follows you`,
      text: `Hello ${followee},\n\n${follower} follows you now.\n`,
    }),
  push: ({ follower, followee }) =>
    axios.post(process.env.PUSH_URL, { topic: `followers-${followee}`, message: `${follower} follows you` }),
  nothing: async () => {},
}[sends];

const app = express();
app.use(express.json({ type: ['application/json', 'application/*+json'] }));

app.get('/dapr/subscribe', (_req, res) => {
  res.json([{ pubsubname: 'pubsub', topic: 'followerAdded', route: 'followerAdded' }]);
});

app.post('/followerAdded', async (req, res) => {
  const { data } = req.body;
  console.log(`Received followerAdded: ${data.follower} follows ${data.followee}`);
  await notify(data);
  res.sendStatus(200);
});

app.listen(Number(process.env.APP_PORT), '127.0.0.1');
