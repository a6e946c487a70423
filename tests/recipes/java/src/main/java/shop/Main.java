package shop;

import java.util.Scanner;
import org.slf4j.LoggerFactory;

/** Logs each line of its standard input with the recipe of docs/publishers.md, and answers it when the logger has returned. */
public class Main {
    public static void main(String[] args) {
        var logger = LoggerFactory.getLogger("shop");
        for (var texts = new Scanner(System.in, "UTF-8"); texts.hasNextLine();) {
            logger.warn("{}", texts.nextLine());
            System.out.println("logged");
        }
    }
}
